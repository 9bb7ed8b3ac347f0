-- Months of events are created and dropped by processes whose role owns no table: by two functions with their owner's rights, which
-- do nothing else. Only roles that were granted it may call them.

-- As before, but for the limit of months ahead.
CREATE OR REPLACE FUNCTION "make_event_months"(ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  next_month timestamptz;
  made integer := 0;
  month_name text;
BEGIN
  IF ahead IS NULL OR ahead NOT BETWEEN 0 AND 12 THEN
    RAISE EXCEPTION 'months are created 0 to 12 ahead';
  END IF;
  -- One at a time: two that make the same month would meet.
  PERFORM pg_advisory_xact_lock(4022027);
  SELECT max((regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''([^'']+)''\)$'))[1]::timestamptz) INTO next_month
    FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = 'public.events'::regclass;
  WHILE next_month <= date_trunc('month', now()) + ahead * interval '1 month' LOOP
    month_name := 'events_' || to_char(next_month, 'YYYY_MM');
    EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING ALL)
                    WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)', month_name);
    EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   month_name, next_month, next_month + interval '1 month');
    next_month := next_month + interval '1 month';
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

-- Drops a month that has ended and has no pending event, or one that an older release has detached and marked. A function cannot detach
-- CONCURRENTLY: events is locked, for milliseconds. While it waits for that lock, later statements wait behind it, so it gives up soon.
CREATE FUNCTION "drop_event_month"(month text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '300ms' AS $$
DECLARE
  part record;
  has_pending boolean;
BEGIN
  SELECT relispartition AS is_attached, inhdetachpending AS is_detaching, obj_description(oid, 'pg_class') AS mark,
         (regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''([^'']+)''\)$'))[1]::timestamptz AS ends
    INTO part FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid
    WHERE relnamespace = 'public'::regnamespace AND relname = month AND relkind = 'r'
      AND (inhparent = 'public.events'::regclass OR inhparent IS NULL AND month LIKE 'events\_%');
  IF part.is_attached THEN
    IF part.ends IS NULL OR part.ends > now() THEN
      RAISE EXCEPTION '% has not ended', month;
    END IF;
    EXECUTE format('ALTER TABLE public.events DETACH PARTITION public.%I%s', month, CASE WHEN part.is_detaching THEN ' FINALIZE' END);
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE applied_at IS NULL AND quarantined_reason IS NULL)', month)
      INTO has_pending;
    IF has_pending THEN
      RAISE EXCEPTION '% has pending events', month;
    END IF;
  ELSIF part.mark IS DISTINCT FROM 'to be dropped' THEN
    RAISE EXCEPTION '% is no month of events', month;
  END IF;
  EXECUTE format('DROP TABLE public.%I', month);
END $$;

REVOKE EXECUTE ON FUNCTION "make_event_months"(integer), "drop_event_month"(text) FROM PUBLIC;

-- Roles of your own that store events without owning the table go on creating months.
DO $$
DECLARE
  writer text;
BEGIN
  FOR writer IN
    SELECT DISTINCT grantee::regrole::text FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
    WHERE oid = 'public.events'::regclass AND privilege_type = 'INSERT' AND grantee <> relowner AND grantee <> 0
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION make_event_months(integer) TO %s', writer);
  END LOOP;
END $$;
