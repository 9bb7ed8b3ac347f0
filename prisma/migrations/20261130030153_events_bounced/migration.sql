-- Bounces in the order of their receipt, to judge them again. Built month by month; see src/db/event-indexes.ts.
CREATE INDEX "events_bounced" ON ONLY "events" ("received_at", "provider", "event_id") WHERE "type" = 'bounced';
