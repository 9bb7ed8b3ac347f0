-- Escalations whose next notice has a time.
CREATE INDEX CONCURRENTLY "escalations_next_notice" ON "escalations" ("next_notice_at", "id") WHERE "next_notice_at" IS NOT NULL;
