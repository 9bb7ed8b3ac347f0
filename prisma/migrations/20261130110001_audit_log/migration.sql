-- Who did what, on what, from where, with which outcome. Rows are only added.
CREATE TABLE "audit_log" (
  "id" BIGINT GENERATED ALWAYS AS IDENTITY,
  "at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "actor" TEXT NOT NULL,
  "via" TEXT NOT NULL,
  "action" TEXT NOT NULL,
  "subject" TEXT,
  "address_key" TEXT,
  "client" TEXT NOT NULL,
  "status" INTEGER NOT NULL,
  "request_id" TEXT NOT NULL,
  CONSTRAINT "audit_log_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "audit_log_action_id_idx" ON "audit_log" ("action", "id" DESC);
CREATE INDEX "audit_log_actor_id_idx" ON "audit_log" ("actor", "id" DESC);

CREATE FUNCTION "refuse_change_of_audit_log"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER "audit_log_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_log"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_audit_log"();
