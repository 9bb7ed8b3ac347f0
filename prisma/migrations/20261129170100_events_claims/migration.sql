-- An event is claimed by the instance that signals it: until `lease_until`. Until now every event was born with a lease, so that
-- one that nobody had claimed looked like one whose claim had run out. From now on NULL says that nobody has claimed it, and an event
-- carries its email's priority, by which claims are made, and its provider's account. All of it changes the catalogue alone.
DO $$
BEGIN
  SET LOCAL lock_timeout = '300ms';
  FOR attempt IN 1..1001 LOOP
    IF attempt > 1000 THEN
      RAISE EXCEPTION 'the table events is never free for a moment: is a long transaction open on it?';
    END IF;
    BEGIN
      ALTER TABLE "events" ALTER COLUMN "lease_until" DROP NOT NULL, ADD COLUMN "priority" SMALLINT NOT NULL DEFAULT 1,
        ADD COLUMN "account" TEXT;
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;
END $$;

-- What nobody has claimed, the most urgent first: the relay reads it from both ends. Built month by month; see src/db/event-indexes.ts.
CREATE INDEX "events_unclaimed" ON ONLY "events" ("priority", "received_at")
  WHERE applied_at IS NULL AND quarantined_reason IS NULL AND lease_until IS NULL;
