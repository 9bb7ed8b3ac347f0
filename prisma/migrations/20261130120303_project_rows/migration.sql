-- The project of a provider's name as it is stored: src/domain/project.ts.
CREATE FUNCTION "project_of"(provider text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN strpos(provider, ':') > 0 THEN split_part(provider, ':', 1) ELSE 'default' END
$$;

-- The role of connections that see one project: src/db/project-rows.ts grants its rights, after each run of the migrations. Where this role may
-- create none, as in many managed databases, docs/projects.md says what to run by hand.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'aftersend_project') THEN
    CREATE ROLE "aftersend_project" NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
  RAISE NOTICE 'the role aftersend_project was not created: %', SQLERRM;
END $$;
DO $$
BEGIN
  IF to_regrole('aftersend_project') IS NOT NULL AND to_regrole('aftersend_runtime') IS NOT NULL THEN
    GRANT "aftersend_project" TO "aftersend_runtime";
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
  RAISE NOTICE 'aftersend_runtime did not become a member of aftersend_project: %', SQLERRM;
END $$;
