-- What was applied, in the order in which it came: the list of applied events, and retention. Written when an event is
-- applied, not when it is stored, so that an acknowledgement does not pay for it.
CREATE INDEX CONCURRENTLY "events_applied" ON "events" ("received_at") WHERE "applied_at" IS NOT NULL;
