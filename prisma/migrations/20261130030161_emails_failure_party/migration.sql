-- Lists of emails by why they failed. Partial: most emails have no failure.
CREATE INDEX CONCURRENTLY "emails_failure_party" ON "emails" ("failure_party", "created_at" DESC, "id" DESC, "provider" DESC)
  WHERE "failure_party" IS NOT NULL;
