-- CreateTable
CREATE TABLE "email_changes" (
    "txid" BIGINT NOT NULL DEFAULT ((pg_current_xact_id())::text)::bigint,
    "provider" TEXT NOT NULL,
    "email_id" TEXT NOT NULL,
    "hour" TIMESTAMPTZ(3),
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "email_changes_pkey" PRIMARY KEY ("txid","provider","email_id")
);


-- What Prisma's schema language has no word for.

-- Written in order and deleted in order; a vacuum must follow closely, or every look at it walks over dead rows.
ALTER TABLE "email_changes" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2);

-- A trigger, so that no writer can forget it: saves, registrations, erasures, and whatever is done by hand.
CREATE FUNCTION "note_email_change"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  email record := coalesce(NEW, OLD);
BEGIN
  INSERT INTO email_changes (provider, email_id, hour)
  VALUES (email.provider, email.id, date_trunc('hour', email.created_at, 'UTC'))
  ON CONFLICT (txid, provider, email_id) DO UPDATE SET hour = excluded.hour;
  RETURN NULL;
END $$;

CREATE TRIGGER "emails_note_change" AFTER INSERT OR UPDATE OR DELETE ON "emails"
  FOR EACH ROW EXECUTE FUNCTION "note_email_change"();

CREATE FUNCTION "note_escalation_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO email_changes (provider, email_id) VALUES (NEW.provider, NEW.email_id)
  ON CONFLICT (txid, provider, email_id) DO NOTHING;
  RETURN NULL;
END $$;

CREATE TRIGGER "escalations_note_change" AFTER INSERT OR UPDATE ON "escalations"
  FOR EACH ROW WHEN (NEW.email_id IS NOT NULL) EXECUTE FUNCTION "note_escalation_change"();
