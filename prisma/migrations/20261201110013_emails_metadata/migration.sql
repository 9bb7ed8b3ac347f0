-- Emails by pairs of their metadata.
CREATE INDEX CONCURRENTLY "emails_metadata" ON "emails" USING gin ("metadata" jsonb_path_ops) WHERE "metadata" IS NOT NULL;
