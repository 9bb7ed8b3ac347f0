-- `registered_…`: what the application itself has named, which what events carry never replaces.
ALTER TABLE "emails"
  ADD COLUMN "external_id" TEXT,
  ADD COLUMN "metadata" JSONB,
  ADD COLUMN "registered_external_id" TEXT,
  ADD COLUMN "registered_metadata" JSONB;
