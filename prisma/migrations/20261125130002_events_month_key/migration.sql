-- The key that a partition has. Made ahead, so that the switch finds it and need not make it.
CREATE UNIQUE INDEX CONCURRENTLY "events_month_key" ON "events" ("provider", "event_id", "received_at");
