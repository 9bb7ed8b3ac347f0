-- Lists of emails by why they failed. Partial: most emails have no failure.
CREATE INDEX CONCURRENTLY "emails_failure_reason" ON "emails" ("failure_reason", "created_at" DESC, "id" DESC, "provider" DESC)
  WHERE "failure_reason" IS NOT NULL;
