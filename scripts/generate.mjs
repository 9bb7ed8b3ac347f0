/**
 * Generates the Prisma client into src/db/generated, only when the schema or Prisma changed since the last time.
 *
 * Prisma wants its native schema engine to be downloaded even for `generate`, which never runs it; pointing
 * PRISMA_SCHEMA_ENGINE_BINARY at any existing file spares the download, so that a machine without internet builds too.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = `${root}src/db/generated/.stamp`

/** Generates when needed; throws with Prisma's own words when it fails. */
export function generatePrismaClient() {
  const schema = readFileSync(`${root}prisma/schema.prisma`)
  const version = readFileSync(`${root}node_modules/prisma/package.json`)
  const fingerprint = createHash('sha256').update(schema).update(version).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return

  const run = spawnSync(process.execPath, [`${root}node_modules/prisma/build/index.js`, 'generate', '--no-hints'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
  })
  if (run.status !== 0) throw new Error(`prisma generate failed:\n${run.stdout}${run.stderr}`)
  writeFileSync(stamp, fingerprint)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generatePrismaClient()
