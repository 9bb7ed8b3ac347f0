-- emails_urgent_failures replaces it.
DROP INDEX CONCURRENTLY "emails_urgent";
