-- The months of events go to the schema in which people look at tables: Prisma Studio shows it, and lists partitions but not the
-- table that they are of. Only the catalogue is written. The schema event_months stays, empty: workers of the release before
-- ask for it by name.

-- As before, but for the schema.
CREATE OR REPLACE FUNCTION "make_event_months"(ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
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
    EXECUTE format('CREATE TABLE public.%I (LIKE public.events INCLUDING ALL)
                    WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)', month_name);
    EXECUTE format('ALTER TABLE public.events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                   month_name, next_month, next_month + interval '1 month');
    next_month := next_month + interval '1 month';
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;

DO $$
DECLARE
  month record;
BEGIN
  SET LOCAL timezone = 'UTC';
  SET LOCAL lock_timeout = '300ms';
  FOR attempt IN 1..1001 LOOP
    IF attempt > 1000 THEN
      RAISE EXCEPTION 'the table events is never free for a moment: is a long transaction open on it?';
    END IF;
    BEGIN
      -- With its months, and itself first, as every statement locks them.
      LOCK TABLE events IN ACCESS EXCLUSIVE MODE;
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;

  FOR month IN
    SELECT oid, relname, relispartition, pg_get_expr(relpartbound, oid) AS bounds FROM pg_class
    WHERE relnamespace = 'event_months'::regnamespace AND relkind = 'r'
  LOOP
    EXECUTE format('ALTER TABLE event_months.%I SET SCHEMA public', month.relname);
    IF NOT month.relispartition THEN
      -- Its removal was begun and broken off; the next one that looks for such drops it.
      EXECUTE format('COMMENT ON TABLE public.%I IS %L', month.relname, 'to be dropped');
    ELSIF month.relname = 'events_first' THEN
      -- By what it holds: everything from before its end.
      EXECUTE format('ALTER TABLE public.events_first RENAME TO %I', 'events_before_' || to_char(
        (regexp_match(month.bounds, 'TO \(''([^'']+)''\)$'))[1]::timestamptz, 'YYYY_MM'));
    END IF;
  END LOOP;
END $$;
