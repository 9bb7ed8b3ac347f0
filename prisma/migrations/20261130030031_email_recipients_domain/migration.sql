-- For the search for domains whose mailbox provider is unknown.
CREATE INDEX CONCURRENTLY "email_recipients_domain_idx" ON "email_recipients" ("domain");
