-- Which events were ever stored. The events themselves are about to be kept by month, and PostgreSQL holds no key unique
-- across partitions that lacks the month. So the identity has a table of its own, and outlives a month that is dropped.
CREATE TABLE "event_identities" (
    "provider" TEXT NOT NULL,
    "event_id" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "event_identities_pkey" PRIMARY KEY ("provider","event_id")
);

-- Identities come in the order of time: some kilobytes find those of a month that is to be forgotten.
CREATE INDEX "event_identities_received" ON "event_identities" USING brin ("received_at");

ALTER TABLE "event_identities" SET (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- Who may write events claims identities.
DO $$
DECLARE
  granted record;
BEGIN
  FOR granted IN SELECT grantee, privilege_type, is_grantable FROM pg_class, aclexplode(relacl)
                 WHERE pg_class.oid = 'events'::regclass AND grantee <> relowner LOOP
    EXECUTE format('GRANT %s ON event_identities TO %s%s', granted.privilege_type,
                   CASE WHEN granted.grantee = 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END,
                   CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;
END $$;

-- In the database rather than in the statement, so that nothing stores an event past it: no other program, and no release
-- from before, which still runs while this one is rolled out. A repeat is passed over as ON CONFLICT DO NOTHING passes it over.
CREATE FUNCTION "claim_event_identity"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO event_identities (provider, event_id, received_at) VALUES (NEW.provider, NEW.event_id, NEW.received_at)
    ON CONFLICT DO NOTHING;
  IF FOUND THEN RETURN NEW; END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION "forget_event_identities"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE event_identities;
  RETURN NULL;
END $$;

-- A lock that has to wait makes everybody behind it wait as well; so it is asked for again and again for a moment each.
DO $$
BEGIN
  SET LOCAL lock_timeout = '300ms';
  FOR attempt IN 1..1000 LOOP
    BEGIN
      CREATE TRIGGER "events_identity" BEFORE INSERT ON "events" FOR EACH ROW EXECUTE FUNCTION claim_event_identity();
      CREATE TRIGGER "events_emptied" AFTER TRUNCATE ON "events" FOR EACH STATEMENT EXECUTE FUNCTION forget_event_identities();
      RETURN;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;
  RAISE EXCEPTION 'the table events is never free for a moment: is a long transaction open on it?';
END $$;
