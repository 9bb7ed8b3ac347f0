/** The suppression list to and from files, over the API. */
import { createReadStream, createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { AftersendUnreachableError } from '../client/index.ts'
import { open, problemIn } from '../client/request.ts'
import { UsageError } from './command-context.ts'
import type { Target } from './target.ts'

type Api = Pick<Target, 'apiUrl' | 'apiKey'>

export interface ImportReport {
  readonly dryRun: boolean
  readonly added: number
  readonly known: number
  readonly invalid: number
  readonly mistakes: readonly { readonly line: number; readonly message: string }[]
}

const mediaTypes = { csv: 'text/csv', jsonl: 'application/x-ndjson' } as const
export type FileFormat = keyof typeof mediaTypes

/** By the file's name; standard input has none, and is CSV unless it is said. */
export const formatOf = (path: string): FileFormat => (/\.(jsonl|ndjson)$/i.test(path) ? 'jsonl' : 'csv')

/** Sends the file as it is read. @throws AftersendProblemError, AftersendUnreachableError, UsageError */
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
    // What undici wants for a body that is a stream; the DOM's types do not know it.
    ...{ duplex: 'half' },
  }).catch((cause) => {
    throw new AftersendUnreachableError(`Aftersend at ${apiUrl} does not answer`, { cause })
  })
  if (!response.ok) throw await problemIn(response)
  return (await response.json()) as ImportReport
}

/** Opened before anything is asked, so that a file that is not there is told as that. */
export async function openFile(path: string): Promise<Readable> {
  const stream = createReadStream(path)
  await new Promise<void>((resolve, reject) => {
    stream.once('ready', resolve).once('error', (cause) => reject(new UsageError(`${path} cannot be read.`, { cause })))
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
    throw new AftersendUnreachableError(`Aftersend at ${apiUrl} does not answer`, { cause })
  })
  if (!response.ok || !response.body) throw await problemIn(response)
  const csv = Readable.fromWeb(response.body as never)
  await pipeline(csv, path === null ? output : createWriteStream(path), { end: path !== null })
}
