/**
 * The rights of the role of api and worker, which own no table. They are compared and granted after each run of the migrations, not by
 * default privileges: those belong to the role that migrates, so they are lost when another role becomes the owner, and they would
 * include the partitions of events, whose rows the policies of the whole table do not protect.
 */
import type pg from 'pg'

/** A group role: the roles that api and worker log in with are its members. */
export const runtimeRole = 'aftersend_runtime'

/** What a role may do. Rights are in alphabetical order, as they are compared. */
export interface RoleRights {
  readonly role: string
  /** On tables that `tables` does not name. */
  readonly otherTables: readonly string[]
  readonly tables: Readonly<Record<string, readonly string[]>>
  /** The tables for which it may use the sequence of a column's default; an identity column needs no right. Null: all. */
  readonly sequencesOf: readonly string[] | null
  /** They run with the rights of their owner. */
  readonly functions: readonly string[]
}

const runtimeRights: RoleRights = {
  role: runtimeRole,
  otherTables: ['DELETE', 'INSERT', 'SELECT', 'UPDATE'],
  tables: { _prisma_migrations: ['SELECT'], audit_log: ['INSERT', 'SELECT'] },
  sequencesOf: null,
  functions: ['make_event_months(integer)', 'drop_event_month(text)'],
}

/** Grants the runtime role its rights. */
export const grantRuntimeRights = (client: pg.ClientBase): Promise<void> => grantRights(client, runtimeRights)

/**
 * Grants a role its rights on each table, and takes away others. Changes nothing where they are right, where the role does not exist, or
 * where others own the tables.
 * @param client outside of a transaction, after the migrations.
 */
export async function grantRights(client: pg.ClientBase, rights: RoleRights): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `SELECT format('REVOKE ALL ON %1$s %2$s FROM %3$I', kind, name, $1::text)
              || CASE WHEN due <> '{}' THEN format('; GRANT %s ON %s %s TO %I', array_to_string(due, ', '), kind, name, $1::text) ELSE '' END
              AS statement
     FROM (
       SELECT CASE WHEN relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, oid::regclass::text AS name,
              ARRAY(SELECT privilege_type FROM aclexplode(relacl) WHERE grantee = to_regrole($1) ORDER BY 1) AS held,
              CASE WHEN relispartition THEN '{}'::text[]
                   WHEN relkind <> 'S' THEN coalesce(
                     (SELECT array_agg(value) FROM jsonb_array_elements_text($3::jsonb -> relname) AS value), $2::text[])
                   WHEN EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'a'
                                AND ($4::text[] IS NULL OR refobjid = ANY(SELECT to_regclass(owner) FROM unnest($4::text[]) AS owner)))
                     THEN ARRAY['USAGE']
                   ELSE '{}' END AS due
       FROM pg_class
       WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p', 'S')
         AND pg_has_role(relowner, 'USAGE') AND to_regrole($1) IS NOT NULL
     ) AS relation WHERE held <> due
     UNION ALL
     SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, $1::text) FROM pg_proc
     WHERE oid = ANY(SELECT to_regprocedure(name) FROM unnest($5::text[]) AS name)
       AND pg_has_role(proowner, 'USAGE') AND to_regrole($1) IS NOT NULL
       AND NOT EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = to_regrole($1))`,
    [rights.role, rights.otherTables, JSON.stringify(rights.tables), rights.sequencesOf, rights.functions],
  )
  if (rows.length > 0) await client.query(rows.map(({ statement }) => statement).join('; '))
}
