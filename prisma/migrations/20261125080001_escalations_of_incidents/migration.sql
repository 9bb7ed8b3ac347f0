-- Incidents are few among the escalations, and looked for every few minutes.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "escalations_of_incidents" ON "escalations" ("opened_at") WHERE "provider" = 'aftersend';
