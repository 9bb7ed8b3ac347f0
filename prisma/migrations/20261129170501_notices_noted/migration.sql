-- When the latest notice was due, by which undelivered ones are found. Null for escalations of before.
ALTER TABLE "escalations" ADD COLUMN "noticed_at" TIMESTAMPTZ(3);

-- Refused for good by its channel: not sent, and never to be tried again.
ALTER TABLE "notifications" ADD COLUMN "is_refused" BOOLEAN NOT NULL DEFAULT false;
