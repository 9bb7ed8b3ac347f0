/** A cluster's files: made once by initdb, with a password of its own. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { ConfigurationError } from '../errors.ts'
import { readDataFile, writeDataFile } from './data-file.ts'
import { type ClusterPlace, type PostgresHome, programEnvironment } from './postgres-binaries.ts'

const form = z.object({
  password: z.string().min(1),
  port: z.number().int().nullable(),
  /** Where the cluster was made; null until it is whole. */
  place: z.enum(['data', 'shared']).nullable().default(null),
})

export type ClusterSettings = z.infer<typeof form>

const settingsPath = (dataDir: string): string => join(dataDir, 'postgres.json')

/** Where the cluster of a DATA_DIR was made; null if there is none. It stays there, whoever may enter DATA_DIR by now. */
export const findPlace = async (dataDir: string): Promise<ClusterPlace | null> =>
  (await readDataFile(settingsPath(dataDir), form))?.place ?? null

/**
 * Makes the cluster where there is none. A cluster whose password is lost gets a new one.
 * @throws ConfigurationError when it was made and is gone: an empty one in its place would look like a loss of everything.
 */
export async function ensureCluster(
  home: PostgresHome,
  dataDir: string,
  say: (line: string) => void,
): Promise<ClusterSettings> {
  const path = settingsPath(dataDir)
  const kept = await readDataFile(path, form)
  if (!kept && home.place === 'shared') await putAside(home.clusterPath, say)
  const isThere = existsSync(join(home.clusterPath, 'PG_VERSION'))
  if (kept?.place) {
    if (isThere) return kept
    throw new ConfigurationError(
      `The database of ${dataDir} is not in ${home.clusterPath}, where it was kept. Put it there (if DATA_DIR was moved, ` +
        `it is in a folder beside), or delete ${path} to begin with an empty one.`,
    )
  }
  const settings: ClusterSettings = kept ?? { password: randomBytes(24).toString('hex'), port: null, place: null }
  if (!isThere) {
    say('PostgreSQL: making the database …')
    // Before the cluster: one that is made with a password must not be left without it.
    await writeDataFile(path, settings)
    await initialise(home, settings.password)
  } else if (!kept) {
    say(`PostgreSQL: ${path} is gone; the database gets a new password`)
    await setPassword(home, settings.password)
  }
  const whole = { ...settings, place: home.place }
  await writeDataFile(path, whole)
  return whole
}

/** A cluster outside DATA_DIR outlives it: whoever removed DATA_DIR wants to begin anew. */
async function putAside(clusterPath: string, say: (line: string) => void): Promise<void> {
  if (!existsSync(clusterPath)) return
  const aside = `${clusterPath}.${new Date().toISOString().replaceAll(/[-:.]/g, '')}`
  await rename(clusterPath, aside)
  say(`PostgreSQL: the database of an earlier DATA_DIR of this name is kept in ${aside}`)
}

/** Remembers the port, so that it stays the same between starts. */
export async function keepPort(dataDir: string, settings: ClusterSettings, port: number): Promise<void> {
  if (settings.port !== port) await writeDataFile(settingsPath(dataDir), { ...settings, port })
}

/**
 * PostgreSQL takes a pid file of a killed server for a living one when its pid belongs to somebody else of the same
 * user by now, as after a reboot: another stack's server, say. Called when no server of this cluster runs.
 */
export async function removeStrangersPidFile(clusterPath: string): Promise<void> {
  const path = join(clusterPath, 'postmaster.pid')
  const pid = (await readFile(path, 'utf8').catch(() => '')).split('\n')[0]
  if (!pid || process.platform !== 'linux') return
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null)
  if (command !== null && !command.split('\0').includes(clusterPath)) await rm(path)
}

/** initdb works beside the cluster's place and is moved there when it is done: an interrupted one leaves no half cluster. */
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
    const words = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigurationError(`PostgreSQL could not make its database; DATABASE_URL names one of yours. ${words}`, {
      cause,
    })
  } finally {
    await rm(passwordFile, { force: true })
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function removeUnfinished(folder: string, cluster: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => name.startsWith(`${cluster}.new-`))
  await Promise.all(left.map((name) => rm(join(folder, name), { recursive: true, force: true, maxRetries: 3 })))
}

/** In single-user mode, which asks for no password; the file's owner alone can do that. */
async function setPassword({ postgres, clusterPath, user }: PostgresHome, password: string): Promise<void> {
  const child = spawn(postgres, ['--single', '-D', clusterPath, 'postgres'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    cwd: clusterPath,
    env: programEnvironment,
    ...user,
  })
  let words = ''
  child.stderr.on('data', (chunk) => {
    words += chunk
  })
  child.stdin.end(`ALTER ROLE aftersend PASSWORD '${password}'\n`)
  await once(child, 'close')
  if (child.exitCode !== 0 || /ERROR|FATAL/.test(words)) throw new Error(`the password cannot be set:\n${words}`)
}
