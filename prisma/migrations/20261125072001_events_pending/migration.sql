-- What waits, newest first: the list of pending events. As small as the backlog.
CREATE INDEX CONCURRENTLY "events_pending" ON "events" ("received_at")
  WHERE "applied_at" IS NULL AND "quarantined_reason" IS NULL;
