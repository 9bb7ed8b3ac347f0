/** Posts what a mail server logs, in the order of the log. What is posted again after a restart counts once: it has the same identity. */
import { ExponentialBackoff, handleType, retry } from 'cockatiel'
import { type MailServerEntry, mailServerProof } from '../providers/mail-server/webhook.ts'

/** Entries of the log, and what to remember once they are stored. */
export interface ReadEntries {
  readonly entries: readonly MailServerEntry[]
  /** Called after Aftersend has acknowledged the entries. */
  readonly onStored?: () => Promise<void>
}

export interface IngestOptions {
  /** `https://your-host/webhooks/mail-server` */
  readonly url: string
  readonly secret: string
  readonly signal: AbortSignal
  /** Called with a sentence when a request has failed and will be sent again. */
  readonly onRetry?: (reason: string) => void
}

export interface IngestCounts {
  /** Entries that were stored now, and before. */
  readonly received: number
  readonly duplicates: number
  /** Entries that name no email: the log begins after the line with its Message-ID. */
  readonly unnamed: number
}

/** Aftersend refuses the entries, and will refuse them again: the secret or the URL is wrong. */
export class IngestRefusedError extends Error {
  override name = 'IngestRefusedError'
}

class NotStoredError extends Error {}

const entriesPerRequest = 200
const [timeoutMs, firstPauseMs, longestPauseMs] = [10_000, 500, 30_000]

/**
 * Posts all entries of `source`, each group before the next is read. Sends a request again until it is acknowledged.
 * @throws IngestRefusedError
 */
export async function ingest(source: AsyncIterable<ReadEntries>, options: IngestOptions): Promise<IngestCounts> {
  const counts = { received: 0, duplicates: 0, unnamed: 0 }
  for await (const { entries, onStored } of source) {
    const named = entries.filter(({ messageId, event }) => messageId !== undefined || event === 'bounced')
    counts.unnamed += entries.length - named.length
    for (let start = 0; start < named.length; start += entriesPerRequest) {
      const { received, duplicates } = await post(named.slice(start, start + entriesPerRequest), options)
      counts.received += received
      counts.duplicates += duplicates
    }
    await onStored?.()
    if (options.signal.aborted) break
  }
  return counts
}

function post(entries: readonly MailServerEntry[], { url, secret, signal, onRetry }: IngestOptions) {
  const body = JSON.stringify(entries)
  const retrying = retry(handleType(NotStoredError), {
    maxAttempts: Number.POSITIVE_INFINITY,
    backoff: new ExponentialBackoff({ initialDelay: firstPauseMs, maxDelay: longestPauseMs }),
  })
  retrying.onFailure(({ reason }) => {
    if ('error' in reason && reason.error instanceof NotStoredError) onRetry?.(reason.error.message)
  })
  return retrying.execute(() => postOnce(url, mailServerProof.sign(body, secret, Date.now())), signal)
}

async function postOnce(url: string, { headers, body }: ReturnType<typeof mailServerProof.sign>) {
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(timeoutMs) }).catch(
    () => {
      throw new NotStoredError(`${url} does not answer`)
    },
  )
  if (response.ok) return (await response.json()) as { received: number; duplicates: number }
  const { detail } = (await response.json().catch(() => ({}))) as { detail?: string }
  const message = `${url} answers ${response.status}${detail ? `: ${detail}` : ''}`
  if (response.status >= 500 || response.status === 429 || response.status === 408) throw new NotStoredError(message)
  throw new IngestRefusedError(message)
}
