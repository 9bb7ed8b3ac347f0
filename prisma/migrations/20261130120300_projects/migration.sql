-- What has no provider's name, from which the project could be read, has a column for it.
ALTER TABLE "suppressions" ADD COLUMN "project" TEXT NOT NULL DEFAULT 'default';
ALTER TABLE "api_keys" ADD COLUMN "project" TEXT NOT NULL DEFAULT 'default';
-- Null: by somebody who may see all projects.
ALTER TABLE "audit_log" ADD COLUMN "project" TEXT;
