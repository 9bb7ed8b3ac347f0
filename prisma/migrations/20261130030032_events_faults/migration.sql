-- Failures that are the sender's or the provider's fault, for the incidents about them. Built in each month by src/db/event-indexes.ts.
CREATE INDEX "events_faults" ON ONLY "events" ("received_at") WHERE "failure_party" IN ('sender', 'provider');
