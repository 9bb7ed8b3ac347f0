/** A database cluster: created once by initdb, with a password of its own. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { ConfigurationError } from '../errors.ts'
import { readDataFile, writeDataFile } from './data-file.ts'
import { type ClusterLocation, type PostgresHome, programEnvironment } from './postgres-binaries.ts'

const schema = z.object({
  password: z.string().min(1),
  port: z.number().int().nullable(),
  /** Where the cluster was created; null until it is complete. */
  place: z.enum(['data', 'shared']).nullable().default(null),
})

export type ClusterSettings = z.infer<typeof schema>

const settingsPath = (dataDir: string): string => join(dataDir, 'postgres.json')

/** Where the cluster of a DATA_DIR was created; null if there is none. It stays there when the permissions of DATA_DIR change. */
export const readClusterLocation = async (dataDir: string): Promise<ClusterLocation | null> =>
  (await readDataFile(settingsPath(dataDir), schema))?.place ?? null

/**
 * Creates the cluster if there is none. A cluster whose password is lost gets a new one.
 * @throws ConfigurationError when it was created and is missing now: an empty one in its place would look like a loss of all data.
 */
export async function ensureCluster(
  home: PostgresHome,
  dataDir: string,
  report: (line: string) => void,
): Promise<ClusterSettings> {
  const path = settingsPath(dataDir)
  const stored = await readDataFile(path, schema)
  if (!stored && home.location === 'shared') await archiveCluster(home.clusterPath, report)
  const exists = existsSync(join(home.clusterPath, 'PG_VERSION'))
  if (stored?.place) {
    if (exists) return stored
    throw new ConfigurationError(
      `The database of ${dataDir} is missing from ${home.clusterPath}. Put it back (if DATA_DIR was moved, it is in a folder ` +
        `beside), or delete ${path} to start with an empty one.`,
    )
  }
  const settings: ClusterSettings = stored ?? { password: randomBytes(24).toString('hex'), port: null, place: null }
  if (!exists) {
    report('PostgreSQL: creating the database …')
    // Before the cluster, whose password must not be lost if this process is killed in between.
    await writeDataFile(path, settings)
    await initialise(home, settings.password)
  } else if (!stored) {
    report(`PostgreSQL: ${path} is missing; the database gets a new password`)
    await setPassword(home, settings.password)
  }
  const complete = { ...settings, place: home.location }
  await writeDataFile(path, complete)
  return complete
}

/** A cluster outside DATA_DIR is still there after DATA_DIR was removed to start with an empty one. */
async function archiveCluster(clusterPath: string, report: (line: string) => void): Promise<void> {
  if (!existsSync(clusterPath)) return
  const archive = `${clusterPath}.${new Date().toISOString().replaceAll(/[-:.]/g, '')}`
  await rename(clusterPath, archive)
  report(`PostgreSQL: the database of an earlier DATA_DIR at this path is kept in ${archive}`)
}

/** Stores the port, so that it stays the same between starts. */
export async function savePort(dataDir: string, settings: ClusterSettings, port: number): Promise<void> {
  if (settings.port !== port) await writeDataFile(settingsPath(dataDir), { ...settings, port })
}

/** Runs initdb in a folder beside and renames that when it is done: an interrupted run leaves no partial cluster. */
async function initialise({ initdb, clusterPath, user }: PostgresHome, password: string): Promise<void> {
  const parent = dirname(clusterPath)
  await removeUnfinished(parent, basename(clusterPath))
  const unfinished = `${clusterPath}.new-${randomBytes(4).toString('hex')}`
  const passwordFile = join(unfinished, '..', `${basename(unfinished)}.password`)
  await mkdir(unfinished, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (user) await Promise.all([unfinished, passwordFile].map((path) => chown(path, user.uid, user.gid)))
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const access = ['--username=aftersend', '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  try {
    const args = ['--pgdata', unfinished, ...access, ...locale, '--data-checksums', '--no-instructions']
    await promisify(execFile)(initdb, args, { ...user, cwd: unfinished, env: programEnvironment })
    await rename(unfinished, clusterPath)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigurationError(
      `PostgreSQL could not create its database. Set DATABASE_URL to use a server of yours. ${reason}`,
      { cause },
    )
  } finally {
    await rm(passwordFile, { force: true })
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function removeUnfinished(folder: string, cluster: string): Promise<void> {
  const unfinished = (await readdir(folder)).filter((name) => name.startsWith(`${cluster}.new-`))
  await Promise.all(unfinished.map((name) => rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 })))
}

/** Uses single-user mode, which needs no password: only the owner of the files can do that. */
async function setPassword({ postgres, clusterPath, user }: PostgresHome, password: string): Promise<void> {
  const child = spawn(postgres, ['--single', '-D', clusterPath, 'postgres'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    cwd: clusterPath,
    env: programEnvironment,
    ...user,
  })
  let output = ''
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  child.stdin.end(`ALTER ROLE aftersend PASSWORD '${password}'\n`)
  await once(child, 'close')
  if (child.exitCode !== 0 || /ERROR|FATAL/.test(output)) throw new Error(`the password cannot be set:\n${output}`)
}
