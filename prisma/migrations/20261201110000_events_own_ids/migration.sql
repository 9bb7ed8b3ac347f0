-- The application's own ID of the email and its pairs of texts, as the event carries them. Each table is altered by itself, since a
-- transaction that waits for one must not lock another.
ALTER TABLE "events" ADD COLUMN "external_id" TEXT, ADD COLUMN "metadata" JSONB;
