-- Emails that still wait for delivery: what the search for lost lives reads. It stays as small as what is under way.
CREATE INDEX CONCURRENTLY "emails_unsettled" ON "emails" ("first_received_at") WHERE "settled_received_at" IS NULL;
