-- The group role of api and worker, which own no table: src/db/runtime-rights.ts grants what they need, after each run of the migrations.
-- Where this role may create none, as in many managed databases, docs/production.md says what to run by hand.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'aftersend_runtime') THEN
    CREATE ROLE "aftersend_runtime" NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
  RAISE NOTICE 'the role aftersend_runtime was not created: %', SQLERRM;
END $$;
