-- Which lists a person has left. src/db/event-indexes.ts builds it in each month.
CREATE INDEX "events_subscriptions" ON ONLY "events" ("recipient", "occurred_at") WHERE "type" IN ('unsubscribed', 'resubscribed');
