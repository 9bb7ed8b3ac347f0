/** Imports DMARC reports from files, by the API. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AftersendProblemError } from '../client/errors.ts'
import { problemOf, unreachable } from '../client/request.ts'
import type { Target } from '../simulator/options.ts'
import { UsageError } from './command-context.ts'

export interface ImportedFile {
  readonly path: string
  readonly stored: number
  readonly repeated: number
  /** Why it could not be read; null if it was. */
  readonly error: string | null
}

const reportFile = /\.(xml|gz|zip)$/i

/** The files as they are named, and the reports of folders. @throws UsageError for a path that does not exist. */
export async function reportFilesIn(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const about = await stat(path).catch((cause) => {
        throw new UsageError(`${path} cannot be read: check that it exists.`, { cause })
      })
      if (!about.isDirectory()) return [path]
      const names = await readdir(path, { recursive: true })
      return names.filter((name) => reportFile.test(name)).map((name) => join(path, name))
    }),
  )
  return found.flat().sort()
}

/** @throws AftersendUnreachableError; AftersendProblemError unless it is about the file. */
export async function importReports(
  { apiUrl, apiKey }: Pick<Target, 'apiUrl' | 'apiKey'>,
  path: string,
): Promise<ImportedFile> {
  const response = await fetch(`${apiUrl}/v1/domains/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/octet-stream' },
    body: await readFile(path),
    redirect: 'error',
  }).catch((cause) => {
    throw unreachable(apiUrl, cause)
  })
  if (response.ok) return { path, ...((await response.json()) as { stored: number; repeated: number }), error: null }
  const error = await problemOf(response)
  if (!(error instanceof AftersendProblemError) || ![400, 413].includes(error.status)) throw error
  return { path, stored: 0, repeated: 0, error: error.problem.detail }
}
