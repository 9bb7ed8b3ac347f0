-- Where a person is to be erased. Written when an event is applied, not when it is stored.
CREATE INDEX CONCURRENTLY "events_recipient" ON "events" ("recipient")
  WHERE "applied_at" IS NOT NULL AND "recipient" IS NOT NULL;
