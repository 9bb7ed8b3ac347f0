-- Those of the events that were there before. Traffic passes: what comes meanwhile is claimed by the trigger.
INSERT INTO "event_identities" ("provider", "event_id", "received_at")
SELECT "provider", "event_id", "received_at" FROM "events"
ON CONFLICT DO NOTHING;
