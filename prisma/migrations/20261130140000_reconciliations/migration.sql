-- Runs that compare the record of a provider with ours. The one under way has no end, and goes on from its cursor after a crash.
CREATE TABLE "reconciliations" (
  "id" TEXT NOT NULL,
  "provider" TEXT NOT NULL,
  "from" TIMESTAMPTZ(3) NOT NULL,
  "to" TIMESTAMPTZ(3) NOT NULL,
  "is_dry_run" BOOLEAN NOT NULL DEFAULT false,
  "cursor" TEXT,
  "compared" INTEGER NOT NULL DEFAULT 0,
  "missing" INTEGER NOT NULL DEFAULT 0,
  "emails" INTEGER NOT NULL DEFAULT 0,
  "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "started_by" TEXT,
  "finished_at" TIMESTAMPTZ(3),
  "failure" TEXT,
  CONSTRAINT "reconciliations_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "reconciliations_under_way" ON "reconciliations" ("provider") WHERE "finished_at" IS NULL;
CREATE INDEX "reconciliations_provider_started_at_idx" ON "reconciliations" ("provider", "started_at" DESC);
