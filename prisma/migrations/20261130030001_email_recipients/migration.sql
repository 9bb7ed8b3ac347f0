-- One row per recipient of an email. Temporal knows a recipient by its key, from which the address cannot be derived: a hash
-- with a secret that stays in this database.
CREATE TABLE "recipient_secret" (
  "id" INTEGER NOT NULL DEFAULT 1 CHECK (id = 1),
  "secret" TEXT NOT NULL DEFAULT gen_random_uuid()::text || gen_random_uuid()::text,
  CONSTRAINT "recipient_secret_pkey" PRIMARY KEY ("id")
);
INSERT INTO "recipient_secret" DEFAULT VALUES;

CREATE FUNCTION "recipient_key"(provider text, email_id text, address text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  -- Null for an address that was erased.
  SELECT CASE WHEN $3 LIKE '%@%' THEN left(encode(sha256(convert_to(
    (SELECT secret FROM recipient_secret) || E'\n' || $1 || E'\n' || $2 || E'\n' || $3, 'UTF8')), 'hex'), 16) END
$$;

CREATE TABLE "email_recipients" (
  "provider" TEXT NOT NULL,
  "email_id" TEXT NOT NULL,
  "key" TEXT NOT NULL,
  "address" TEXT,
  "domain" TEXT,
  "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "status" TEXT NOT NULL DEFAULT 'queued',
  "delivery" TEXT NOT NULL DEFAULT 'queued',
  "queued_at" TIMESTAMPTZ(3),
  "sending_at" TIMESTAMPTZ(3),
  "sent_at" TIMESTAMPTZ(3),
  "delivered_at" TIMESTAMPTZ(3),
  "bounce_class" TEXT,
  "bounce_code" TEXT,
  "bounced_at" TIMESTAMPTZ(3),
  "bounce_event_id" TEXT,
  "failure_reason" TEXT,
  "failure_party" TEXT,
  "failure_outcome" TEXT,
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
  CONSTRAINT "email_recipients_pkey" PRIMARY KEY ("email_id", "provider", "key")
) WITH (fillfactor = 85);
CREATE INDEX "email_recipients_address_created_at_idx" ON "email_recipients" ("address", "created_at" DESC);

-- Every recipient that an email names has a row, whoever writes the email.
CREATE FUNCTION "add_email_recipients"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO email_recipients (provider, email_id, key, address, domain, created_at)
  SELECT NEW.provider, NEW.id, recipient_key(NEW.provider, NEW.id, named.address), named.address,
         split_part(named.address, '@', 2), NEW.created_at
  FROM (SELECT DISTINCT unnest(NEW.recipients) AS address) AS named WHERE named.address LIKE '%@%'
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE TRIGGER "emails_add_recipients" AFTER INSERT ON "emails"
  FOR EACH ROW WHEN (NEW.recipients <> '{}') EXECUTE FUNCTION add_email_recipients();
CREATE TRIGGER "emails_change_recipients" AFTER UPDATE OF "recipients" ON "emails"
  FOR EACH ROW WHEN (NEW.recipients IS DISTINCT FROM OLD.recipients) EXECUTE FUNCTION add_email_recipients();
