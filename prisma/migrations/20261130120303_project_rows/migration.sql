-- A connection for one project acts as the role aftersend_project, and its row-level security leaves it the rows of that project only.
-- A database whose migrating role may create no roles gets none of this; then PROJECTS must stay empty.
CREATE FUNCTION "project_of"(provider text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN strpos(provider, ':') > 0 THEN split_part(provider, ':', 1) ELSE 'default' END
$$;

-- Grants and policies, again after the roles were created by hand. The owner of the tables, and superusers, are not bound by policies.
CREATE FUNCTION "secure_project_rows"() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $function$
DECLARE
  secured record;
BEGIN
  FOR secured IN SELECT * FROM (VALUES
    ('emails', 'SELECT, INSERT, UPDATE', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('email_recipients', 'SELECT, INSERT, UPDATE', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('events', 'SELECT, UPDATE', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('email_changes', 'SELECT, INSERT, UPDATE', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('escalations', 'SELECT', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('sendings', 'SELECT, INSERT, UPDATE, DELETE', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('webhook_minutes', 'SELECT', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('analytics_rollups', 'SELECT', $$project_of(provider) = current_setting('aftersend.project')$$),
    ('suppressions', 'SELECT, INSERT, UPDATE, DELETE', $$project = current_setting('aftersend.suppression_list')$$),
    ('api_keys', 'SELECT, INSERT, UPDATE', $$project = current_setting('aftersend.project')$$),
    ('audit_log', 'SELECT', $$project = current_setting('aftersend.project')$$)
  ) AS given(name, rights, condition) LOOP
    EXECUTE format('GRANT %s ON %I TO aftersend_project', secured.rights, secured.name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', secured.name);
    EXECUTE format('DROP POLICY IF EXISTS whole_system ON %I', secured.name);
    EXECUTE format('CREATE POLICY whole_system ON %I TO aftersend_runtime USING (true)', secured.name);
    EXECUTE format('DROP POLICY IF EXISTS own_project ON %I', secured.name);
    EXECUTE format('CREATE POLICY own_project ON %I TO aftersend_project USING (%s)', secured.name, secured.condition);
  END LOOP;
  -- Of no project: facts about domains and the state of jobs.
  GRANT SELECT ON recipient_domains, recipient_secret, analytics_state, retention_progress, erasure_keys TO aftersend_project;
  GRANT INSERT ON erasure_keys TO aftersend_project;
  GRANT USAGE ON SEQUENCE suppressions_id_seq TO aftersend_project;
END $function$;

DO $$
DECLARE
  named text;
BEGIN
  FOREACH named IN ARRAY ARRAY['aftersend_runtime', 'aftersend_project'] LOOP
    BEGIN
      EXECUTE format('CREATE ROLE %I NOLOGIN', named);
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL;
      WHEN insufficient_privilege THEN RAISE NOTICE 'the role % is missing: docs/projects.md says how to create it', named;
    END;
  END LOOP;
  IF to_regrole('aftersend_runtime') IS NULL OR to_regrole('aftersend_project') IS NULL THEN RETURN; END IF;
  BEGIN
    GRANT aftersend_project TO aftersend_runtime;
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'aftersend_runtime is no member of aftersend_project: docs/projects.md says how to grant it';
  END;
  PERFORM secure_project_rows();
END $$;
