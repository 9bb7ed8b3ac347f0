-- Emails by the application's own ID, also those that only events have named. Partial: most emails may have none.
CREATE INDEX CONCURRENTLY "emails_external_id" ON "emails" ("external_id") WHERE "external_id" IS NOT NULL;
