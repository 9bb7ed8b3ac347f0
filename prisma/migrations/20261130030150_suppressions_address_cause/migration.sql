-- An event suppresses its recipient at most once, unless a new judgement released the recipient and a later one suppresses it again.
CREATE UNIQUE INDEX CONCURRENTLY "suppressions_address_cause" ON "suppressions" ("address", "provider", "event_id")
  WHERE "event_id" IS NOT NULL AND "removed_by" IS DISTINCT FROM 'rejudge';
