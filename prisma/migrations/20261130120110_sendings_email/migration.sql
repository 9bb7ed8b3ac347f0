-- The sendings of a person who is to be erased.
CREATE INDEX CONCURRENTLY "sendings_email" ON "sendings" ("email_id", "provider");
