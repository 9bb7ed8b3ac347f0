-- Incidents of the system itself, such as a backlog, which the API raises without Temporal: one row for each reason, locked by
-- whoever raises or ends it, so that any number of instances do so once. Over until somebody sees it.
CREATE TABLE "system_incidents" (
  "reason" TEXT NOT NULL,
  "over_at" TIMESTAMPTZ(3),
  "seen_at" TIMESTAMPTZ(3),
  "measured_at" TIMESTAMPTZ(3),
  "lease_until" TIMESTAMPTZ(3),
  CONSTRAINT "system_incidents_pkey" PRIMARY KEY ("reason")
);

INSERT INTO "system_incidents" ("reason", "over_at")
VALUES ('backlog', now()), ('temporal_refused', now()), ('workflow_tasks_failing', now());
