-- A backlog that an older release has left behind is nobody's. An event that it is just signalling may be signalled once more, which
-- changes nothing. Index: events_waiting.
UPDATE "events" SET "lease_until" = NULL
WHERE applied_at IS NULL AND quarantined_reason IS NULL AND lease_until < now();
