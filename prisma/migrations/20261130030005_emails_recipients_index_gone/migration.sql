-- Emails are found by recipient through email_recipients.
DROP INDEX CONCURRENTLY "emails_recipients_idx";
