/**
 * The Prisma client in src/db/generated, generated anew only when the schema or Prisma changed since the last time.
 *
 * Prisma wants its native schema engine to be downloaded even for `generate`, which never runs it; pointing
 * PRISMA_SCHEMA_ENGINE_BINARY at any existing file spares the download, so that a machine without internet builds too.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { root } from './root.mjs'

const stamp = `${root}src/db/generated/.stamp`

/** Spares Prisma its download and its word of new versions. */
export const quietPrisma = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' }

/** Wants the dependencies installed. */
export const isPrismaClientCurrent = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()

/** Generates, needed or not; throws with Prisma's own words when it fails. */
export function generatePrismaClient() {
  const run = spawnSync(process.execPath, [`${root}node_modules/prisma/build/index.js`, 'generate', '--no-hints'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...quietPrisma },
  })
  if (run.status !== 0) throw new Error(`prisma generate failed:\n${run.stdout}${run.stderr}`)
  writeFileSync(stamp, fingerprint())
}

function fingerprint() {
  const schema = readFileSync(`${root}prisma/schema.prisma`)
  const version = readFileSync(`${root}node_modules/prisma/package.json`)
  return createHash('sha256').update(schema).update(version).digest('hex')
}
