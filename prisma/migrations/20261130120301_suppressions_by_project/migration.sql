-- Each project has a list of its own.
CREATE UNIQUE INDEX CONCURRENTLY "suppressions_active_project_address" ON "suppressions" ("project", "address")
  WHERE "removed_at" IS NULL;
