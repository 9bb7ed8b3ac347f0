-- The messages that still follow an unresolved escalation: few, and read once a minute.
CREATE INDEX CONCURRENTLY "notifications_shown" ON "notifications" ("escalation_id") WHERE "shown_version" IS NOT NULL;
