/** The XML documents in a file, decompressed as they are read: no more of a compressed file is in memory than a chunk. */
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import yauzl, { type Entry, type ZipFile } from 'yauzl'
import type { MailAttachment } from '../domain/mail-attachment.ts'
import { UnreadableReportError } from './unreadable-report.ts'

export interface ReportLimits {
  /** Of all documents of a file, decompressed. Ends a gzip or zip bomb, whatever sizes it claims. */
  readonly documentBytes: number
  /** Of a zip file. */
  readonly entries: number
  /** Rows of a report. */
  readonly records: number
  /** Elements of one row, and of all that is outside of rows. */
  readonly elements: number
  /** How deep elements may stand in each other: reports have 6 levels. */
  readonly depth: number
  /** Characters of one value. */
  readonly textLength: number
}

/** The largest reports that receivers send have some 10,000 rows of 1 KB. */
export const defaultLimits: ReportLimits = {
  documentBytes: 32 * 1_048_576,
  entries: 20,
  records: 50_000,
  elements: 1_000,
  depth: 12,
  textLength: 4_096,
}

export type ByteStream = AsyncIterable<Buffer>

/**
 * Yields what may be a report: the file itself, or what is compressed in it. Judged by its first bytes, since names and types are often
 * wrong. Each document must be read to its end before the next.
 * @throws UnreadableReportError for a compressed file that is damaged, encrypted or over a limit.
 */
export async function* documentsIn({ content }: MailAttachment, limits: ReportLimits): AsyncGenerator<ByteStream> {
  const limit = createByteLimit(limits.documentBytes)
  if (startsWith(content, 0x1f, 0x8b)) yield limit(gunzipped(content))
  else if (startsWith(content, 0x50, 0x4b, 0x03, 0x04)) yield* unzipped(content, limits, limit)
  else if (isXml(content)) yield limit(Readable.from([content]))
}

const startsWith = (content: Buffer, ...bytes: readonly number[]): boolean =>
  bytes.every((byte, at) => content[at] === byte)

/** An element, a declaration or a comment, after a byte order mark and white space: in UTF-8, UTF-16 or any other superset of ASCII. */
const isXml = (content: Buffer): boolean =>
  content
    .subarray(0, 200)
    .toString('latin1')
    .replace(/^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)/, '')
    .replaceAll('\0', '')
    .trimStart()
    .startsWith('<')

type Limit = (bytes: ByteStream) => ByteStream

/** Counts over all streams that it is given. */
function createByteLimit(maxBytes: number): Limit {
  let total = 0
  return async function* (bytes) {
    for await (const chunk of bytes) {
      total += chunk.length
      if (total > maxBytes)
        throw new UnreadableReportError(`the file has more than ${maxBytes / 1_048_576} MiB when it is decompressed`)
      yield chunk
    }
  }
}

async function* gunzipped(content: Buffer): ByteStream {
  const gunzip = createGunzip()
  gunzip.end(withoutLineBreaks(content))
  try {
    yield* gunzip as ByteStream
  } catch (cause) {
    throw new UnreadableReportError('the gzip file is damaged', { cause })
  }
}

/** Some senders end the file with a line break. A gzip file ends with the highest byte of a size: 10 or 13 would be over the limit. */
function withoutLineBreaks(content: Buffer): Buffer {
  let end = content.length
  while (content[end - 1] === 0x0a || content[end - 1] === 0x0d) end -= 1
  return content.subarray(0, end)
}

/** What is compressed twice is not read: no report is known to be. */
async function* unzipped(content: Buffer, limits: ReportLimits, limit: Limit): AsyncGenerator<ByteStream> {
  const zip = await opened(content)
  if (zip.entryCount > limits.entries)
    throw new UnreadableReportError(`the zip file has more than ${limits.entries} entries`)
  try {
    for await (const entry of entriesOf(zip)) {
      if (entry.isEncrypted()) throw new UnreadableReportError('the zip file is encrypted')
      if (!/\.xml$/i.test(entry.fileName) || entry.fileName.startsWith('__MACOSX/')) continue
      yield limit(contentOf(zip, entry))
    }
  } finally {
    zip.close()
  }
}

const damaged = (cause: unknown) => new UnreadableReportError('the zip file is damaged', { cause })

const opened = (content: Buffer): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    yauzl.fromBuffer(content, { lazyEntries: true }, (error, zip) => (error ? reject(damaged(error)) : resolve(zip)))
  })

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  const next = () =>
    new Promise<Entry | null>((resolve, reject) => {
      zip.removeAllListeners()
      zip.once('entry', resolve)
      zip.once('end', () => resolve(null))
      zip.once('error', (error) => reject(damaged(error)))
      zip.readEntry()
    })
  for (let entry = await next(); entry !== null; entry = await next()) yield entry
}

async function* contentOf(zip: ZipFile, entry: Entry): ByteStream {
  try {
    const stream = await new Promise<Readable>((resolve, reject) => {
      zip.openReadStream(entry, (error, opened) => (error ? reject(error) : resolve(opened)))
    })
    yield* stream as ByteStream
  } catch (cause) {
    throw damaged(cause)
  }
}
