/** Imports and exports the suppression list as a file, by the API. */
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { open, problemOf, unreachable } from '../client/request.ts'
import type { Target } from '../simulator/options.ts'
import { UsageError } from './command-context.ts'

type Api = Pick<Target, 'apiUrl' | 'apiKey'>

export interface ImportReport {
  readonly dryRun: boolean
  readonly added: number
  readonly known: number
  /** Absent in answers of versions before 0.5. */
  readonly skipped?: number
  readonly invalid: number
  readonly mistakes: readonly { readonly line: number; readonly message: string }[]
}

const mediaTypes = { csv: 'text/csv', jsonl: 'application/x-ndjson' } as const
export type FileFormat = keyof typeof mediaTypes

/** By the file's name. The default, also for standard input, is CSV. */
export const formatOf = (path: string): FileFormat => (/\.(jsonl|ndjson)$/i.test(path) ? 'jsonl' : 'csv')

/** Streams the file. @throws AftersendProblemError, AftersendUnreachableError, UsageError */
export async function importFile(
  { apiUrl, apiKey }: Api,
  input: Readable | NodeJS.ReadableStream,
  { format, dryRun }: { readonly format: FileFormat; readonly dryRun: boolean },
): Promise<ImportReport> {
  const response = await fetch(`${apiUrl}/v1/suppressions/import${dryRun ? '?dryRun=true' : ''}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': mediaTypes[format] },
    body: Readable.toWeb(input as Readable) as unknown as ReadableStream,
    redirect: 'error',
    // undici requires this for a stream; the DOM's types lack it.
    ...{ duplex: 'half' },
  }).catch((cause) => {
    throw unreachable(apiUrl, cause)
  })
  if (!response.ok) throw await problemOf(response)
  return (await response.json()) as ImportReport
}

/** Opens the file before the request, so that a missing file is reported as such. */
export async function openFile(path: string): Promise<Readable> {
  const stream = createReadStream(path)
  await new Promise<void>((resolve, reject) => {
    stream
      .once('ready', resolve)
      .once('error', (cause) =>
        reject(new UsageError(`${path} cannot be read: check that the file exists.`, { cause })),
      )
  })
  return stream
}

/** Writes the list to a file, or to `output`. @throws AftersendProblemError, AftersendUnreachableError */
export async function exportTo(
  { apiUrl, apiKey }: Api,
  path: string | null,
  output: NodeJS.WritableStream,
): Promise<void> {
  const response = await open(
    { url: apiUrl, apiKey },
    { path: '/v1/suppressions/export', headers: { accept: 'text/csv' } },
  ).catch((cause) => {
    throw unreachable(apiUrl, cause)
  })
  if (!response.ok || !response.body) throw await problemOf(response)
  const csv = Readable.fromWeb(response.body as never)
  await pipeline(csv, path === null ? output : createWriteStream(path), { end: path !== null })
}
