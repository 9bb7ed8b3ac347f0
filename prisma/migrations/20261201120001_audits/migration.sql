-- Runs of other kinds: audits, and those that a person asks for to make suppression lists agree.
ALTER TABLE "reconciliations" ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'reconcile', ADD COLUMN "statement" JSONB;

-- What the provider's record says of each email in the window of an audit. Without addresses; deleted when the audit ends.
CREATE TABLE "audited_events" (
  "provider" TEXT NOT NULL,
  "email_id" TEXT NOT NULL,
  "event_id" TEXT NOT NULL,
  "event" JSONB NOT NULL,
  "was_missing" BOOLEAN NOT NULL,
  CONSTRAINT "audited_events_pkey" PRIMARY KEY ("provider", "email_id", "event_id")
);

-- What remained different after the last audit of a provider.
CREATE TABLE "audit_differences" (
  "id" BIGINT GENERATED ALWAYS AS IDENTITY,
  "provider" TEXT NOT NULL,
  "run_id" TEXT NOT NULL,
  "reason" TEXT NOT NULL,
  "email_id" TEXT,
  "suppression_id" BIGINT,
  "ours" TEXT,
  "theirs" TEXT,
  CONSTRAINT "audit_differences_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "audit_differences_run_id_id_idx" ON "audit_differences" ("run_id", "id");

-- The provider's own list as it was read last. Addresses as keyed hashes only.
CREATE TABLE "listed_addresses" (
  "provider" TEXT NOT NULL,
  "key" TEXT NOT NULL,
  "erased_key" TEXT,
  "since" TIMESTAMPTZ(3),
  "seen_at" TIMESTAMPTZ(3) NOT NULL,
  "gone_at" TIMESTAMPTZ(3),
  CONSTRAINT "listed_addresses_pkey" PRIMARY KEY ("provider", "key")
);
CREATE INDEX "listed_addresses_provider_erased_key_idx" ON "listed_addresses" ("provider", "erased_key");
