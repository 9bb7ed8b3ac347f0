-- The notices that wait for a digest: few, and read once a minute.
CREATE INDEX CONCURRENTLY "notifications_held" ON "notifications" ("channel", "held_until") WHERE "held_until" IS NOT NULL;
