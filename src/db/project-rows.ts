/**
 * Row-level security: connections that act as {@link projectRole} see and write the rows of their project only. The owner of the tables and
 * superusers are bound by no policy; for every other role with rights on a table, a policy leaves all rows as they were.
 */
import type pg from 'pg'
import { ConfigurationError } from '../errors.ts'
import { type Database, isUnavailable } from './database.ts'
import { untilLocked } from './lock-attempts.ts'
import { grantRights, runtimeRole } from './runtime-rights.ts'

/** Connections take it by SET ROLE, and name their project in settings. */
const projectRole = 'aftersend_project'

const byProvider = "project_of(provider) = current_setting('aftersend.project')"
const byProject = "project = current_setting('aftersend.project')"
const byEndpoint = "endpoint_id IN (SELECT id FROM endpoints WHERE project = current_setting('aftersend.project'))"
const byList = "project = current_setting('aftersend.suppression_list')"

/** The tables that belong to projects: what a project's connection may do there, and which rows are its own. */
const projectTables: Readonly<Record<string, { readonly rights: readonly string[]; readonly isOwn: string }>> = {
  emails: { rights: ['INSERT', 'SELECT', 'UPDATE'], isOwn: byProvider },
  email_recipients: { rights: ['INSERT', 'SELECT', 'UPDATE'], isOwn: byProvider },
  events: { rights: ['SELECT', 'UPDATE'], isOwn: byProvider },
  email_changes: { rights: ['INSERT', 'SELECT', 'UPDATE'], isOwn: byProvider },
  reconciliations: { rights: ['INSERT', 'SELECT'], isOwn: byProvider },
  audit_differences: { rights: ['SELECT'], isOwn: byProvider },
  escalations: { rights: ['SELECT'], isOwn: byProvider },
  sendings: { rights: ['DELETE', 'INSERT', 'SELECT', 'UPDATE'], isOwn: byProvider },
  webhook_minutes: { rights: ['SELECT'], isOwn: byProvider },
  analytics_rollups: { rights: ['SELECT'], isOwn: byProvider },
  suppressions: { rights: ['DELETE', 'INSERT', 'SELECT', 'UPDATE'], isOwn: byList },
  api_keys: { rights: ['INSERT', 'SELECT', 'UPDATE'], isOwn: byProject },
  erasures: { rights: ['INSERT', 'SELECT', 'UPDATE'], isOwn: byProject },
  mailboxes: { rights: ['SELECT'], isOwn: byProject },
  endpoints: { rights: ['INSERT', 'SELECT', 'UPDATE'], isOwn: byProject },
  endpoint_secrets: { rights: ['DELETE', 'INSERT', 'SELECT', 'UPDATE'], isOwn: byEndpoint },
  deliveries: { rights: ['INSERT', 'SELECT', 'UPDATE'], isOwn: byEndpoint },
  delivery_attempts: { rights: ['INSERT', 'SELECT'], isOwn: byEndpoint },
  sessions: { rights: ['SELECT', 'UPDATE'], isOwn: byProject },
  audit_log: { rights: ['SELECT'], isOwn: byProject },
  dmarc_reports: { rights: ['INSERT', 'SELECT'], isOwn: byProject },
  dmarc_records: { rights: ['INSERT', 'SELECT'], isOwn: byProject },
}

/** Of no project: facts about domains, and the state of jobs. */
const sharedTables: Readonly<Record<string, readonly string[]>> = {
  recipient_domains: ['SELECT'],
  recipient_secret: ['SELECT'],
  analytics_state: ['SELECT'],
  retention_progress: ['SELECT'],
  erasure_keys: ['INSERT', 'SELECT'],
  export_state: ['SELECT'],
  export_hours: ['INSERT', 'SELECT', 'UPDATE'],
}

/**
 * Grants the project role its rights, and makes the policies. Changes nothing where they are right, or where there is no such role.
 * @param client outside of a transaction, after the migrations.
 */
export async function secureProjectRows(client: pg.ClientBase): Promise<void> {
  const rights = Object.entries(projectTables).map(([table, { rights: held }]) => [table, held] as const)
  await grantRights(client, {
    role: projectRole,
    otherTables: [],
    tables: { ...Object.fromEntries(rights), ...sharedTables },
    sequencesOf: ['suppressions', 'endpoint_secrets', 'deliveries', 'delivery_attempts'],
    functions: [],
  })
  for (const { table, others } of await readUnsecured(client)) {
    await untilLocked(() => secure(client, table, others))
  }
}

interface Unsecured {
  readonly table: string
  /** The roles that see all rows. */
  readonly others: string[]
}

/** The tables whose policies are missing, or lack a role that was granted rights since. */
async function readUnsecured(client: pg.ClientBase): Promise<Unsecured[]> {
  const { rows } = await client.query<Unsecured>(
    `SELECT name AS table, others FROM (
       SELECT relname AS name, relrowsecurity AS is_secured, ARRAY(
         SELECT DISTINCT rolname::text FROM aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee
         WHERE grantee NOT IN (relowner, to_regrole($2)) ORDER BY 1) AS others
       FROM pg_class
       WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relname = ANY($1)
         AND pg_has_role(relowner, 'USAGE') AND to_regrole($2) IS NOT NULL
         -- It comes with a migration: tables of before are not secured.
         AND to_regprocedure('project_of(text)') IS NOT NULL
     ) AS relation
     WHERE NOT is_secured OR others IS DISTINCT FROM (
       SELECT ARRAY(SELECT unnest(roles)::text ORDER BY 1) FROM pg_policies
       WHERE schemaname = current_schema() AND tablename = name AND policyname = 'whole_system')
     -- No role besides the owner's: then there is no such policy.
     AND NOT (is_secured AND others = '{}')
     ORDER BY name`,
    [Object.keys(projectTables), projectRole],
  )
  return rows
}

/** In one transaction, so that no reader finds the table without the policies. */
async function secure(client: pg.ClientBase, table: string, others: readonly string[]): Promise<void> {
  const all = others.map((role) => client.escapeIdentifier(role)).join(', ')
  await client
    .query(`
    BEGIN;
    SET LOCAL lock_timeout = '300ms';
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    DROP POLICY IF EXISTS whole_system ON ${table};
    ${all === '' ? '' : `CREATE POLICY whole_system ON ${table} TO ${all} USING (true);`}
    DROP POLICY IF EXISTS own_project ON ${table};
    CREATE POLICY own_project ON ${table} TO ${projectRole} USING (${projectTables[table]?.isOwn});
    COMMIT`)
    .catch(async (error) => {
      await client.query('ROLLBACK')
      throw error
    })
}

/**
 * @param confined to any project.
 * @throws ConfigurationError if the database has no such role, or the role of DATABASE_URL is no member of it.
 */
export async function requireProjectRole(confined: Database): Promise<void> {
  try {
    await confined.$queryRaw`SELECT FROM emails LIMIT 1`
  } catch (error) {
    if (isUnavailable(error)) throw error
    throw new ConfigurationError(
      `PROJECTS needs the role ${projectRole} in the database, with ${runtimeRole} or the role of DATABASE_URL as its member: ` +
        'docs/projects.md says how to create it',
      { cause: error },
    )
  }
}
