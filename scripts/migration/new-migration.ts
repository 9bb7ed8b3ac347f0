/** `npm run migration -- name`: writes the SQL of what changed in prisma/schema.prisma as a new migration. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { findDatabaseUrl } from '../../src/cli/database-url.ts'
import { readConfig } from '../../src/config.ts'
import { MigrationError, migrationsPath } from '../../src/db/migrate.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { schemaDifference } from './schema-difference.ts'

const usage = `Writes prisma/migrations/<time>_<name>/migration.sql: what schema.prisma says and the migrations do not yet.

  npm run migration -- add_campaigns

It compares in a scratch database, on the server of DATABASE_URL or of the system that runs in DATA_DIR.
Partial indexes, storage parameters and moves of data are added by hand to what it wrote.`

const nameForm = /^[a-z0-9]+(_[a-z0-9]+)*$/

/** UTC, to the second: migrations are applied in the order of their names. */
const timestamp = (at: Date): string => at.toISOString().replace(/\D/g, '').slice(0, 14)

async function run(args: readonly string[]): Promise<void> {
  const [name, ...more] = args
  if (name === '--help' || name === '-h') return console.log(usage)
  if (name === undefined || more.length > 0 || !nameForm.test(name)) {
    throw new ConfigurationError(`A migration must have one name, in snake_case.\n\n${usage}`)
  }
  const serverUrl = await findDatabaseUrl(readConfig(process.env))
  const sql = await schemaDifference({ serverUrl })
  if (sql === null) return console.log('No difference: the migrations say all that prisma/schema.prisma says.')

  const folder = join(migrationsPath, `${timestamp(new Date())}_${name}`)
  await mkdir(folder)
  await writeFile(join(folder, 'migration.sql'), sql)
  console.log(`${sql}\nWritten to ${relative(process.cwd(), folder)}/migration.sql: read it, then \`npm run migrate\`.`)
}

try {
  await run(process.argv.slice(2))
  process.exit(0)
} catch (error) {
  console.error(error instanceof ConfigurationError || error instanceof MigrationError ? error.message : error)
  process.exit(1)
}
