-- CreateTable
CREATE TABLE "emails" (
    "id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "to" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "recipients" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "recipient_domain" TEXT,
    "subject" TEXT,
    "tags" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "priority" TEXT NOT NULL DEFAULT 'normal',
    "priority_named_at" TIMESTAMPTZ(3),
    "status" TEXT NOT NULL DEFAULT 'queued',
    "delivery" TEXT NOT NULL DEFAULT 'queued',
    "revision" INTEGER NOT NULL DEFAULT 0,
    "registered_at" TIMESTAMPTZ(3),
    "registered_as_sent" BOOLEAN NOT NULL DEFAULT false,
    "queued_at" TIMESTAMPTZ(3),
    "sending_at" TIMESTAMPTZ(3),
    "sent_at" TIMESTAMPTZ(3),
    "delivered_at" TIMESTAMPTZ(3),
    "bounce_class" TEXT,
    "bounce_code" TEXT,
    "bounced_at" TIMESTAMPTZ(3),
    "bounce_event_id" TEXT,
    "complained_at" TIMESTAMPTZ(3),
    "opens_total" INTEGER NOT NULL DEFAULT 0,
    "opens_human" INTEGER NOT NULL DEFAULT 0,
    "opens_first_at" TIMESTAMPTZ(3),
    "opens_last_at" TIMESTAMPTZ(3),
    "clicks_total" INTEGER NOT NULL DEFAULT 0,
    "clicks_human" INTEGER NOT NULL DEFAULT 0,
    "clicks_first_at" TIMESTAMPTZ(3),
    "clicks_last_at" TIMESTAMPTZ(3),
    "first_received_at" TIMESTAMPTZ(3),
    "settled_received_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "emails_pkey" PRIMARY KEY ("id","provider")
);

-- CreateTable
CREATE TABLE "events" (
    "provider" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "email_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "to" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "recipient" TEXT,
    "subject" TEXT,
    "bounce_class" TEXT,
    "bounce_code" TEXT,
    "bounce_message" TEXT,
    "human" BOOLEAN NOT NULL DEFAULT false,
    "payload" JSON NOT NULL,
    "lease_until" TIMESTAMPTZ(3) NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "applied_at" TIMESTAMPTZ(3),
    "quarantined_reason" TEXT,

    CONSTRAINT "events_pkey" PRIMARY KEY ("provider","event_id")
);

-- CreateTable
CREATE TABLE "suppressions" (
    "id" BIGSERIAL NOT NULL,
    "address" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "provider" TEXT,
    "email_id" TEXT,
    "event_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "suppressions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "escalations" (
    "id" TEXT NOT NULL,
    "provider" TEXT NOT NULL,
    "email_id" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "detail" TEXT NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "acknowledged_at" TIMESTAMPTZ(3),
    "acknowledged_by" TEXT,
    "snoozed_until" TIMESTAMPTZ(3),
    "resolved_at" TIMESTAMPTZ(3),
    "resolved_by" TEXT,
    "notices" INTEGER NOT NULL DEFAULT 0,
    "next_notice_at" TIMESTAMPTZ(3),

    CONSTRAINT "escalations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "notifications" (
    "escalation_id" TEXT NOT NULL,
    "notice" INTEGER NOT NULL,
    "channel" TEXT NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "notifications_pkey" PRIMARY KEY ("escalation_id","notice","channel")
);

-- CreateIndex
CREATE INDEX "emails_created_at_id_provider_idx" ON "emails"("created_at" DESC, "id" DESC, "provider" DESC);

-- CreateIndex
CREATE INDEX "emails_status_created_at_id_provider_idx" ON "emails"("status", "created_at" DESC, "id" DESC, "provider" DESC);

-- CreateIndex
CREATE INDEX "emails_priority_created_at_id_provider_idx" ON "emails"("priority", "created_at" DESC, "id" DESC, "provider" DESC);

-- CreateIndex
CREATE INDEX "emails_recipients_idx" ON "emails" USING GIN ("recipients");

-- CreateIndex
CREATE INDEX "events_email_id_provider_idx" ON "events"("email_id", "provider");

-- CreateIndex
CREATE INDEX "suppressions_created_at_id_idx" ON "suppressions"("created_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "escalations_opened_at_id_idx" ON "escalations"("opened_at" DESC, "id" DESC);

-- CreateIndex
CREATE INDEX "escalations_state_opened_at_id_idx" ON "escalations"("state", "opened_at" DESC, "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "escalations_email_id_provider_reason_key" ON "escalations"("email_id", "provider", "reason");

-- AddForeignKey
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_escalation_id_fkey" FOREIGN KEY ("escalation_id") REFERENCES "escalations"("id") ON DELETE CASCADE ON UPDATE CASCADE;


-- What Prisma's schema language has no word for.

-- The sweep reads this one: only what waits is in it, so it stays as small as the backlog.
CREATE INDEX "events_waiting" ON "events" ("lease_until") INCLUDE ("received_at")
  WHERE "applied_at" IS NULL AND "quarantined_reason" IS NULL;

CREATE INDEX "events_quarantined" ON "events" ("received_at") WHERE "quarantined_reason" IS NOT NULL;

-- The bounce policy reads this one.
CREATE INDEX "events_soft_bounces" ON "events" ("recipient", "occurred_at") WHERE "bounce_class" = 'soft';

CREATE UNIQUE INDEX "suppressions_active_address" ON "suppressions" ("address") WHERE "removed_at" IS NULL;
CREATE UNIQUE INDEX "suppressions_address_event" ON "suppressions" ("address", "provider", "event_id")
  WHERE "event_id" IS NOT NULL;

CREATE INDEX "escalations_unresolved" ON "escalations" ("opened_at") WHERE "state" <> 'resolved';

-- Every event is written twice (stored, applied) and every email once per batch: room on the page for the second
-- version, and a vacuum that starts after thousands of dead rows rather than after a fifth of the table.
ALTER TABLE "events" SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE "emails" SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
