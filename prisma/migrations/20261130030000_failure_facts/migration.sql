-- What a provider says of a failure, and how it was judged; see src/domain/failure.ts. All of it changes the catalogue alone.
DO $$
BEGIN
  SET LOCAL lock_timeout = '300ms';
  FOR attempt IN 1..1001 LOOP
    IF attempt > 1000 THEN
      RAISE EXCEPTION 'the tables events and emails are never free for a moment: is a long transaction open on them?';
    END IF;
    BEGIN
      ALTER TABLE "events" ADD COLUMN "bounce_word" TEXT, ADD COLUMN "bounce_sub_word" TEXT, ADD COLUMN "bounce_host" TEXT,
        ADD COLUMN "bounce_is_over" BOOLEAN, ADD COLUMN "failure_reason" TEXT, ADD COLUMN "failure_party" TEXT,
        ADD COLUMN "failure_is_final" BOOLEAN, ADD COLUMN "failure_outcome" TEXT, ADD COLUMN "failure_rule" TEXT,
        ADD COLUMN "failure_evidence" TEXT, ADD COLUMN "failure_rules_version" INTEGER, ADD COLUMN "response" TEXT,
        ADD COLUMN "list" TEXT, ADD COLUMN "tags" TEXT[], ADD COLUMN "scheduled_for" TIMESTAMPTZ(3);
      ALTER TABLE "emails" ADD COLUMN "failure_reason" TEXT, ADD COLUMN "failure_party" TEXT, ADD COLUMN "failure_outcome" TEXT,
        ADD COLUMN "scheduled_for" TIMESTAMPTZ(3);
      EXIT;
    EXCEPTION WHEN lock_not_available THEN
      PERFORM pg_sleep(0.2);
    END;
  END LOOP;
END $$;
