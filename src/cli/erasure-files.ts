/** The exported ledger of erasures: JSON lines, the first with the fingerprint of the key. The log of an API serves too. */
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { RecordedErasure } from '../db/erasures.ts'
import { ConfigurationError } from '../errors.ts'
import { UsageError } from './command-context.ts'

const key = z.string().regex(/^hmac-sha256:[0-9a-f]{64}$/)

const line = z.union([
  z.strictObject({ keyFingerprint: z.string() }),
  z.strictObject({
    key,
    project: z.string().nullable().default(null),
    erasedAt: z.iso.datetime().transform((time) => new Date(time)),
  }),
  // As the audit log writes it.
  z
    .object({
      time: z.int(),
      audit: z.object({
        action: z.literal('recipient.erase'),
        status: z.literal(200),
        project: z.string().nullable().default(null),
        addressKey: key,
      }),
    })
    .transform(({ time, audit }) => ({ key: audit.addressKey, project: audit.project, erasedAt: new Date(time) })),
  z.object({ time: z.int(), level: z.int() }).transform(() => null),
])

/** The first line of a file. A file with hashes of another key would name nobody. */
export const firstLineOf = (keyFingerprint: string): string => JSON.stringify({ keyFingerprint })

export const lineOf = ({ key: of, project, erasedAt }: RecordedErasure): string =>
  JSON.stringify({ key: of, ...(project !== null && { project }), erasedAt })

/**
 * The erasures in a file.
 * @param keyFingerprint of the key in use.
 * @throws UsageError for a line that is neither of a ledger nor of a log; ConfigurationError if the file has another key.
 */
export async function* readErasureLines(
  input: NodeJS.ReadableStream,
  name: string,
  keyFingerprint: string,
): AsyncGenerator<RecordedErasure> {
  let number = 0
  for await (const text of createInterface({ input })) {
    number++
    if (text.trim() === '') continue
    const { data, success } = line.safeParse(jsonIn(text))
    if (!success) throw new UsageError(`${name}, line ${number} is neither of an exported ledger nor of a log.`)
    if (data && 'keyFingerprint' in data && data.keyFingerprint !== keyFingerprint) {
      throw new ConfigurationError(`${name} was exported with another ERASURE_KEY: set that key.`)
    }
    if (data && 'key' in data) yield data
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
