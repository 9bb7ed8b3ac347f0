-- Roll-ups count recipients too, and those that neither were delivered nor bounced. All of it changes the catalogue alone.
DO $$
BEGIN
  SET LOCAL lock_timeout = '300ms';
  FOR attempt IN 1..1001 LOOP
    IF attempt > 1000 THEN
      RAISE EXCEPTION 'the table analytics_rollups is never free for a moment: is a long transaction open on it?';
    END IF;
    BEGIN
      ALTER TABLE "analytics_rollups" ADD COLUMN "failed" INTEGER NOT NULL DEFAULT 0,
        ADD COLUMN "recipients" INTEGER NOT NULL DEFAULT 0, ADD COLUMN "delivered_recipients" INTEGER NOT NULL DEFAULT 0;
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;
END $$;

-- Every hour is counted again, to fill them: not at once, since workers of the version before would do it without them.
INSERT INTO "analytics_dirty_hours" AS known ("hour", "due_at")
SELECT DISTINCT "starts_at", now() + interval '10 minutes' FROM "analytics_rollups" WHERE "grain" = 'hour' AND "dimension" = 'all'
ON CONFLICT ("hour") DO UPDATE SET "due_at" = greatest(known."due_at", excluded."due_at");
