import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { migrationsPath } from '../../src/db/migrate.ts'
import { temporaryFolder } from '../stack.ts'

/** A copy of this project's migrations, or of none of them, and more: scripts by their names. */
export async function migrationsWith(more: Readonly<Record<string, string>>, { own = true } = {}): Promise<string> {
  const path = join(await temporaryFolder(), 'migrations')
  if (own) await cp(migrationsPath, path, { recursive: true })
  for (const [name, sql] of Object.entries(more)) {
    await mkdir(join(path, name), { recursive: true })
    await writeFile(join(path, name, 'migration.sql'), sql)
  }
  return path
}

/** One statement, on a connection of its own. */
export async function query(databaseUrl: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return (await client.query(statement)).rows
  } finally {
    await client.end()
  }
}
