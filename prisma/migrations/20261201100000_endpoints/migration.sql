-- Webhooks to applications: docs/webhooks-to-applications.md.

-- Where the events of a project are sent. Without a URL, nothing posts: a program pulls its deliveries.
CREATE TABLE "endpoints" (
  "id" TEXT NOT NULL,
  "project" TEXT NOT NULL DEFAULT 'default',
  "url" TEXT,
  "description" TEXT,
  "event_types" TEXT[] NOT NULL DEFAULT '{}',
  "filters" JSONB NOT NULL DEFAULT '{}',
  "state" TEXT NOT NULL DEFAULT 'active',
  "paused_reason" TEXT,
  "paused_by" TEXT,
  "api_version" TEXT NOT NULL DEFAULT '2026-12',
  "created_by" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "deleted_at" TIMESTAMPTZ(3),
  "last_succeeded_at" TIMESTAMPTZ(3),
  "first_failed_at" TIMESTAMPTZ(3),
  "failures" INTEGER NOT NULL DEFAULT 0,
  "not_before" TIMESTAMPTZ(3),
  "pulled_at" TIMESTAMPTZ(3),
  "sender" TEXT,
  CONSTRAINT "endpoints_pkey" PRIMARY KEY ("id")
);

-- Several at once while one replaces another.
CREATE TABLE "endpoint_secrets" (
  "id" BIGSERIAL NOT NULL,
  "endpoint_id" TEXT NOT NULL,
  "secret" TEXT NOT NULL,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "expires_at" TIMESTAMPTZ(3),
  CONSTRAINT "endpoint_secrets_pkey" PRIMARY KEY ("id"),
  CONSTRAINT "endpoint_secrets_endpoint_id_fkey" FOREIGN KEY ("endpoint_id") REFERENCES "endpoints"("id") ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX "endpoint_secrets_endpoint_id_idx" ON "endpoint_secrets" ("endpoint_id");

-- The outbox: a row for each event and endpoint, written by the statement that saves the state.
CREATE TABLE "deliveries" (
  "id" BIGSERIAL NOT NULL,
  "message_id" TEXT NOT NULL,
  "endpoint_id" TEXT NOT NULL,
  "lane" TEXT NOT NULL,
  "type" TEXT NOT NULL,
  "provider" TEXT,
  "email_id" TEXT,
  "event_id" TEXT,
  "event_received_at" TIMESTAMPTZ(3),
  "escalation_id" TEXT,
  "suppression_id" BIGINT,
  "email_state" JSONB,
  "subject_state" JSONB,
  "state" TEXT NOT NULL DEFAULT 'pending',
  "attempts" INTEGER NOT NULL DEFAULT 0,
  "next_attempt_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "delivered_at" TIMESTAMPTZ(3),
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  CONSTRAINT "deliveries_pkey" PRIMARY KEY ("id")
);
ALTER TABLE "deliveries" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX "deliveries_pending" ON "deliveries" ("endpoint_id", "id") WHERE "state" = 'pending';
CREATE INDEX "deliveries_pending_lane" ON "deliveries" ("endpoint_id", "lane", "id") WHERE "state" = 'pending';
CREATE INDEX "deliveries_endpoint_id_id_idx" ON "deliveries" ("endpoint_id", "id" DESC);
CREATE INDEX "deliveries_created_at_idx" ON "deliveries" ("created_at");

CREATE TABLE "delivery_attempts" (
  "id" BIGSERIAL NOT NULL,
  "delivery_id" BIGINT NOT NULL,
  "endpoint_id" TEXT NOT NULL,
  "at" TIMESTAMPTZ(3) NOT NULL,
  "status" INTEGER,
  "duration_ms" INTEGER NOT NULL,
  "error" TEXT,
  "answer" TEXT,
  CONSTRAINT "delivery_attempts_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "delivery_attempts_endpoint_id_id_idx" ON "delivery_attempts" ("endpoint_id", "id" DESC);
CREATE INDEX "delivery_attempts_delivery_id_idx" ON "delivery_attempts" ("delivery_id");

-- Whether an endpoint takes events of a type. The provider is named as it is stored; tags and priority are null without an email. A filter
-- of which nothing is known excludes the event.
CREATE FUNCTION "endpoint_takes"(endpoint endpoints, type text, provider text, tags text[], priority text)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT endpoint.deleted_at IS NULL
    AND (endpoint.event_types = '{}' OR $2 = ANY(endpoint.event_types))
    AND (NOT endpoint.filters ? 'providers' OR (endpoint.filters -> 'providers' ? substr($3, strpos($3, ':') + 1)) IS TRUE)
    AND (NOT endpoint.filters ? 'tags' OR (endpoint.filters -> 'tags' ?| $4) IS TRUE)
    AND (NOT endpoint.filters ? 'priorities' OR (endpoint.filters -> 'priorities' ? $5) IS TRUE)
$$;

-- The webhook-id: a repeat of the same fact has the same.
CREATE FUNCTION "message_id_of"(endpoint_id text, type text, fact text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT 'msg_' || left(encode(sha256(convert_to($1 || E'\n' || $2 || E'\n' || $3, 'UTF8')), 'hex'), 32)
$$;

-- The type under which an event of a provider is sent; null: it is not.
CREATE FUNCTION "sent_type_of"(type text, failure_outcome text, bounce_class text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN $1 = 'bounced' THEN CASE coalesce($2, CASE WHEN $3 = 'soft' THEN 'deferred' ELSE 'bounced' END)
      WHEN 'bounced' THEN 'email.bounced' WHEN 'failed' THEN 'email.failed' WHEN 'deferred' THEN 'email.deferred' END
    WHEN $1 IN ('queued', 'sending', 'sent', 'delivered', 'opened', 'clicked', 'complained') THEN 'email.' || $1
    WHEN $1 IN ('unsubscribed', 'resubscribed') THEN 'recipient.' || $1
  END
$$;

-- What a delivery keeps of an email: its state after the event. No address, no subject.
CREATE FUNCTION "sent_state_of"(email emails) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT jsonb_build_object(
    'status', email.status, 'delivery', email.delivery, 'priority', email.priority,
    'queuedAt', email.queued_at, 'sendingAt', email.sending_at, 'sentAt', email.sent_at, 'deliveredAt', email.delivered_at,
    'bouncedAt', email.bounced_at, 'complainedAt', email.complained_at, 'registeredAt', email.registered_at, 'scheduledFor', email.scheduled_for,
    'failure', CASE WHEN email.bounced_at IS NOT NULL THEN jsonb_build_object(
      'class', email.bounce_class, 'code', email.bounce_code, 'reason', email.failure_reason, 'party', email.failure_party,
      'outcome', email.failure_outcome) END,
    'opens', jsonb_build_object('total', email.opens_total, 'human', email.opens_human,
                                'firstAt', email.opens_first_at, 'lastAt', email.opens_last_at),
    'clicks', jsonb_build_object('total', email.clicks_total, 'human', email.clicks_human,
                                 'firstAt', email.clicks_first_at, 'lastAt', email.clicks_last_at))
$$;

-- A trigger, so that no writer can forget it. The changes of an email's escalations are one after another, by its workflow. With the rights
-- of its owner, since a writer may see no endpoint.
CREATE FUNCTION "send_escalation_change"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO deliveries (message_id, endpoint_id, lane, type, provider, email_id, escalation_id, email_state, subject_state)
  SELECT message_id_of(endpoint.id, sent.type, NEW.id || ' ' || NEW.version), endpoint.id, NEW.provider || '/' || NEW.email_id,
         sent.type, NEW.provider, NEW.email_id, NEW.id, CASE WHEN email.id IS NOT NULL THEN sent_state_of(email) END,
         jsonb_build_object('reason', NEW.reason, 'state', NEW.state, 'openedAt', NEW.opened_at, 'acknowledgedAt', NEW.acknowledged_at,
                            'snoozedUntil', NEW.snoozed_until, 'resolvedAt', NEW.resolved_at, 'at', now())
  FROM endpoints AS endpoint
  LEFT JOIN emails AS email ON email.id = NEW.email_id AND email.provider = NEW.provider
  CROSS JOIN LATERAL (
    SELECT 'email.stalled' AS type, 1 AS place
    WHERE NEW.reason = 'stalled' AND NEW.state = 'open' AND (TG_OP = 'INSERT' OR OLD.state = 'resolved')
    UNION ALL
    SELECT 'escalation.' || CASE NEW.state WHEN 'open' THEN 'opened' ELSE NEW.state END, 2
  ) AS sent
  WHERE endpoint.project = project_of(NEW.provider)
    AND endpoint_takes(endpoint, sent.type, NEW.provider, email.tags, email.priority)
  ORDER BY sent.place;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION "send_escalation_change"() FROM PUBLIC;
CREATE TRIGGER "escalations_send_opened" AFTER INSERT ON "escalations"
  FOR EACH ROW EXECUTE FUNCTION "send_escalation_change"();
CREATE TRIGGER "escalations_send_change" AFTER UPDATE ON "escalations"
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION "send_escalation_change"();

-- An endpoint of the project whose list it is, or whose email it is about, is sent the change; of an erased address, none is.
CREATE FUNCTION "send_suppression_change"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  sent_type text := CASE WHEN NEW.removed_at IS NULL THEN 'recipient.suppressed' ELSE 'recipient.unsuppressed' END;
BEGIN
  INSERT INTO deliveries (message_id, endpoint_id, lane, type, provider, email_id, event_id, suppression_id, email_state, subject_state)
  SELECT message_id_of(endpoint.id, sent_type, NEW.id::text), endpoint.id, 'recipient/' || recipient_key('', '', NEW.address),
         sent_type, NEW.provider, NEW.email_id, NEW.event_id, NEW.id, CASE WHEN email.id IS NOT NULL THEN sent_state_of(email) END,
         jsonb_build_object('reason', NEW.reason, 'createdAt', NEW.created_at, 'removedAt', NEW.removed_at, 'at', now())
  FROM endpoints AS endpoint
  LEFT JOIN emails AS email ON email.id = NEW.email_id AND email.provider = NEW.provider
  WHERE endpoint.project IN (NEW.project, project_of(NEW.provider))
    AND endpoint_takes(endpoint, sent_type, NEW.provider, email.tags, email.priority);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION "send_suppression_change"() FROM PUBLIC;
CREATE TRIGGER "suppressions_send_added" AFTER INSERT ON "suppressions"
  FOR EACH ROW WHEN (NEW.address LIKE '%@%') EXECUTE FUNCTION "send_suppression_change"();
CREATE TRIGGER "suppressions_send_removed" AFTER UPDATE ON "suppressions"
  FOR EACH ROW WHEN (NEW.address LIKE '%@%' AND OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL)
  EXECUTE FUNCTION "send_suppression_change"();
