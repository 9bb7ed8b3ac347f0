/** What schema.prisma says and the migrations do not yet. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { applyMigrations } from '../../src/db/migrate.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { noFilters, schemaPath, withSchemaEngine } from './schema-engine.ts'

export interface DifferenceOptions {
  /** Any database of the server to work on; its user must be allowed to create databases. It is only read from. */
  readonly serverUrl: string
  /** The wanted schema. Default {@link schemaPath}. */
  readonly schema?: string
  /** The folder of migrations. Default: this project's own. */
  readonly path?: string
}

/**
 * Applies all migrations to a scratch database and asks the engine for the SQL that leads from there to the schema. Partial
 * indexes, for which the schema language has no word, are left alone by the engine: they are never proposed for dropping.
 * @returns null when there is no difference.
 * @throws ConfigurationError when the server lets no database be made, MigrationError when the migrations do not apply.
 */
export function schemaDifference({ serverUrl, schema = schemaPath, path }: DifferenceOptions): Promise<string | null> {
  return withScratchDatabase(serverUrl, async (databaseUrl) => {
    await applyMigrations({ databaseUrl, ...(path !== undefined && { path }) })
    const files = [{ path: 'schema.prisma', content: await readFile(schema, 'utf8') }]
    const { exitCode, stdout } = await withSchemaEngine(databaseUrl, (engine) =>
      engine.diff({
        from: { tag: 'schemaDatasource', files, configDir: '.' },
        to: { tag: 'schemaDatamodel', files },
        script: true,
        exitCode: true,
        filters: noFilters,
      }),
    )
    return exitCode === 0 ? null : (stdout ?? '')
  })
}

async function withScratchDatabase<T>(serverUrl: string, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  const name = `aftersend_scratch_${randomBytes(6).toString('hex')}`
  const server = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 10_000 })
  try {
    await createDatabaseOn(server, name)
    try {
      const url = new URL(serverUrl)
      url.pathname = `/${name}`
      return await work(url.href)
    } finally {
      await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
  } finally {
    await server.end()
  }
}

async function createDatabaseOn(server: pg.Client, name: string): Promise<void> {
  try {
    await server.connect()
    // template0 is the one that nobody puts tables of their own into.
    await server.query(`CREATE DATABASE ${name} TEMPLATE template0`)
  } catch (cause) {
    const { host, port } = server
    const words = cause instanceof Error ? cause.message || cause.name : String(cause)
    throw new ConfigurationError(
      `No scratch database could be made on ${host}:${port} (${words}): npm start first, or give a DATABASE_URL whose ` +
        'user may create databases.',
      { cause },
    )
  }
}
