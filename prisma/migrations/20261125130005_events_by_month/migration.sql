-- Events by month. The table as it is becomes the first partition, without a row being read or written, and months are made
-- ahead from there. They lie in a schema of their own, out of the way of those who look at tables.
CREATE SCHEMA "event_months";

-- Makes the months from the last one that there is to so many ahead. Traffic passes: attaching an empty table locks out nobody.
-- Returns how many it made. With the rights of who owns the tables, so that the roles that run it need not own them.
CREATE FUNCTION "make_event_months"(ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  next_month timestamptz;
  made integer := 0;
  month_name text;
BEGIN
  -- One at a time: two that make the same month would meet.
  PERFORM pg_advisory_xact_lock(4022027);
  SELECT max((regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''([^'']+)''\)$'))[1]::timestamptz) INTO next_month
    FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'public.events'::regclass;
  WHILE next_month <= date_trunc('month', now()) + ahead * interval '1 month' LOOP
    month_name := 'events_' || to_char(next_month, 'YYYY_MM');
    EXECUTE format('CREATE TABLE event_months.%I (LIKE public.events INCLUDING ALL)
                    WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)', month_name);
    EXECUTE format('ALTER TABLE public.events ATTACH PARTITION event_months.%I FOR VALUES FROM (%L) TO (%L)',
                   month_name, next_month, next_month + interval '1 month');
    next_month := next_month + interval '1 month';
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

DO $$
DECLARE
  boundary text;
  index_name text;
  granted record;
BEGIN
  SET LOCAL timezone = 'UTC';
  SELECT (regexp_match(pg_get_constraintdef(oid), '''([^'']+)'''))[1] INTO boundary
    FROM pg_constraint WHERE conname = 'events_boundary' AND conrelid = 'public.events'::regclass;
  SET LOCAL lock_timeout = '300ms';
  FOR attempt IN 1..1001 LOOP
    IF attempt > 1000 THEN
      RAISE EXCEPTION 'the table events is never free for a moment: is a long transaction open on it?';
    END IF;
    BEGIN
      LOCK TABLE events IN ACCESS EXCLUSIVE MODE;
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;

  -- From here to the end it takes some milliseconds: only the catalogue is written.
  ALTER TABLE events DROP CONSTRAINT events_pkey;
  FOR index_name IN SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'events'::regclass LOOP
    EXECUTE format('ALTER INDEX %I RENAME TO %I', index_name, 'first_' || index_name);
  END LOOP;
  ALTER TABLE events ADD CONSTRAINT first_events_pkey PRIMARY KEY USING INDEX first_events_month_key;
  DROP TRIGGER events_identity ON events;
  DROP TRIGGER events_emptied ON events;
  ALTER TABLE events RENAME TO events_first;
  ALTER TABLE events_first SET SCHEMA event_months;

  CREATE TABLE events (LIKE event_months.events_first INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY RANGE (received_at);
  ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY (provider, event_id, received_at);
  CREATE INDEX events_email_id_provider_idx ON events (email_id, provider);
  CREATE INDEX events_waiting ON events (lease_until) INCLUDE (received_at)
    WHERE applied_at IS NULL AND quarantined_reason IS NULL;
  CREATE INDEX events_quarantined ON events (received_at) WHERE quarantined_reason IS NOT NULL;
  CREATE INDEX events_soft_bounces ON events (recipient, occurred_at) WHERE bounce_class = 'soft';
  CREATE INDEX events_pending ON events (received_at) WHERE applied_at IS NULL AND quarantined_reason IS NULL;
  CREATE INDEX events_applied ON events (received_at) WHERE applied_at IS NOT NULL;
  CREATE INDEX events_unknown ON events (received_at)
    WHERE type <> ALL ('{queued,sending,sent,delivered,opened,clicked,bounced,complained,aftersend.registered}');
  CREATE INDEX events_recipient ON events (recipient) WHERE applied_at IS NOT NULL AND recipient IS NOT NULL;
  CREATE TRIGGER events_identity BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION claim_event_identity();
  CREATE TRIGGER events_emptied AFTER TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION forget_event_identities();

  FOR granted IN SELECT grantee, privilege_type, is_grantable FROM pg_class, aclexplode(relacl)
                 WHERE pg_class.oid = 'event_months.events_first'::regclass AND grantee <> relowner LOOP
    EXECUTE format('GRANT %s ON events TO %s%s', granted.privilege_type,
                   CASE WHEN granted.grantee = 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END,
                   CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
  END LOOP;

  -- The constraint proves that no row lies elsewhere, so none is looked at; and each index finds its like.
  EXECUTE format('ALTER TABLE events ATTACH PARTITION event_months.events_first FOR VALUES FROM (MINVALUE) TO (%L)', boundary);
  ALTER TABLE event_months.events_first DROP CONSTRAINT events_boundary;
END $$;

SELECT make_event_months(3);
