-- Every event that is there, and those of the months to the boundary, go into one partition. The boundary is the start of a
-- month, far enough away that no event crosses it before the switch. Only what is written from now on is checked.
DO $$
DECLARE
  boundary timestamptz;
BEGIN
  SET LOCAL timezone = 'UTC';
  boundary := date_trunc('month', now() + interval '14 days') + interval '1 month';
  SET LOCAL lock_timeout = '300ms';
  FOR attempt IN 1..1000 LOOP
    BEGIN
      EXECUTE format('ALTER TABLE events ADD CONSTRAINT events_boundary CHECK (received_at < %L::timestamptz) NOT VALID', boundary);
      RETURN;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;
  RAISE EXCEPTION 'the table events is never free for a moment: is a long transaction open on it?';
END $$;
