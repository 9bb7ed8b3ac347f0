-- What an application registers is unique in its project.
CREATE UNIQUE INDEX CONCURRENTLY "emails_registered_external_id" ON "emails" ("project_of"("provider"), "registered_external_id")
  WHERE "registered_external_id" IS NOT NULL;
