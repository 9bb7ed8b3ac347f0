-- Each project has a list of its own. The address first: a plan that is made while the table is small would read the whole list of a project.
CREATE UNIQUE INDEX CONCURRENTLY "suppressions_active_address_project" ON "suppressions" ("address", "project")
  WHERE "removed_at" IS NULL;
