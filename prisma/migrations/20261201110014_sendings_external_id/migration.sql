-- Two requests at the same moment must not send two emails under one ID of the application.
CREATE UNIQUE INDEX CONCURRENTLY "sendings_external_id" ON "sendings" ("project_of"("provider"), "external_id")
  WHERE "external_id" IS NOT NULL;
