/**
 * AISend's API, asked about one email: the answer's form is not published, so what is read is what such answers commonly
 * hold: flat or in `data`, a status word, and times such as `delivered_at` or `deliveredAt`.
 */
import type { ReceivedEvent } from '../domain/events.ts'
import {
  aisend,
  bounceOf,
  instant,
  isObject,
  type Json,
  plainWord,
  recipientOf,
  recipientsOf,
  subjectOf,
} from './aisend.ts'
import type { ProviderApi } from './provider.ts'

export interface AisendApiOptions {
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly apiKey: string
  /** How long one question may take, answer read. Default 10 seconds. */
  readonly timeoutMs?: number
}

/** AISend gave no usable answer this time; asking again may help. The message holds no part of the answer. */
export class ProviderUnreachableError extends Error {
  override name = 'ProviderUnreachableError'
}

/** AISend will not talk to us (401, 403): AISEND_API_KEY must be put right first, so asking again is no use. */
export class ProviderRefusedError extends Error {
  override name = 'ProviderRefusedError'
}

/**
 * Asks `GET {apiUrl}/v1/emails/{id}`. An email that AISend does not know (404) has no events.
 * @throws ProviderRefusedError for 401 and 403; ProviderUnreachableError for whatever else gives no answer.
 */
export function createAisendApi({ apiUrl, apiKey, timeoutMs = 10_000 }: AisendApiOptions): ProviderApi {
  return {
    async fetchEvents(emailId) {
      const { status, text } = await ask(`${apiUrl}/v1/emails/${encodeURIComponent(emailId)}`, apiKey, timeoutMs)
      if (status === 404) return []
      if (status === 401 || status === 403) {
        throw new ProviderRefusedError(`AISend refuses our key with ${status}: put AISEND_API_KEY right`)
      }
      if (status < 200 || status > 299) throw new ProviderUnreachableError(`AISend answered ${status}`)
      return eventsOf(emailId, emailIn(text), Date.now())
    },
  }
}

interface Answer {
  readonly status: number
  readonly text: string
}

async function ask(url: string, apiKey: string, timeoutMs: number): Promise<Answer> {
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${apiKey}`, accept: 'application/json' },
      // A redirect could carry the key elsewhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { status: response.status, text: await readText(response) }
  } catch (error) {
    if (error instanceof ProviderUnreachableError) throw error
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    throw new ProviderUnreachableError(
      isLate ? `no answer from AISend within ${timeoutMs} ms` : 'AISend is unreachable',
    )
  }
}

/** No description of one email is longer. */
const longestAnswerBytes = 1_048_576

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > longestAnswerBytes) throw new ProviderUnreachableError('the answer of AISend is longer than 1 MiB')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function emailIn(text: string): Json {
  const answer = parseJson(text)
  if (!isObject(answer)) throw new ProviderUnreachableError('the answer of AISend is not a JSON object')
  return isObject(answer['data']) ? { ...answer, ...answer['data'] } : answer
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type ReconciledType = 'queued' | 'sending' | 'sent' | 'delivered' | 'bounced' | 'complained'

const reconciledTypes: readonly ReconciledType[] = ['queued', 'sending', 'sent', 'delivered', 'bounced', 'complained']

/** The status word as the event that it proves. Nobody opens what was not delivered. */
const provenBy: Readonly<Record<string, ReconciledType>> = {
  ...Object.fromEntries(reconciledTypes.map((type) => [type, type])),
  opened: 'delivered',
  clicked: 'delivered',
  hard_bounced: 'bounced',
  soft_bounced: 'bounced',
}

/** Each fact with a time of its own, and the one that the status word alone proves. */
function eventsOf(emailId: string, email: Json, now: number): ReceivedEvent[] {
  const status = statusIn(email)
  const proven = Object.hasOwn(provenBy, status) ? provenBy[status] : undefined
  return reconciledTypes.flatMap((type) => {
    const at = timeOf(email, type)
    return at !== null || type === proven ? [eventOf(emailId, email, type, at ?? statusTime(email) ?? now, now)] : []
  })
}

const statusIn = (email: Json): string => {
  const word = [email['status'], email['last_event'], email['state']].find((value) => typeof value === 'string')
  return plainWord(String(word ?? '').trim())
}

const timeOf = (email: Json, type: ReconciledType): number | null =>
  firstTime([email[`${type}_at`], email[`${type}At`], bounceTime(email, type)])

const bounceTime = (email: Json, type: ReconciledType): unknown => {
  const bounce = email['bounce']
  return type === 'bounced' && isObject(bounce) ? (bounce['at'] ?? bounce['timestamp'] ?? bounce['created_at']) : null
}

/** When the status became what it is, where AISend says so. */
const statusTime = (email: Json): number | null =>
  firstTime([email['status_at'], email['statusAt'], email['updated_at'], email['updatedAt']])

/** A time that cannot be read counts as not said: the rest of the answer still helps. */
function firstTime(values: readonly unknown[]): number | null {
  for (const value of values) {
    const parsed = instant.safeParse(value)
    if (parsed.success) return parsed.data
  }
  return null
}

function eventOf(emailId: string, email: Json, type: ReconciledType, occurredAt: number, now: number): ReceivedEvent {
  const bounce = type === 'bounced' ? reconciledBounce(email) : null
  const to = recipientsOf(email)
  return {
    provider: aisend.name,
    emailId,
    id: eventIdOf(emailId, type, bounce),
    type,
    occurredAt,
    receivedAt: now,
    to,
    recipient: recipientOf(email, to),
    subject: subjectOf(email),
    bounce,
    human: false,
    payload: JSON.stringify({ source: 'reconcile', type, status: statusIn(email), occurred_at: occurredAt, bounce }),
  }
}

/** The same however often it is asked; but a hard bounce after a soft one is news, so a soft one has its own ID. */
const eventIdOf = (emailId: string, type: ReconciledType, bounce: ReceivedEvent['bounce']): string =>
  `reconcile:${emailId}:${type}${bounce?.class === 'soft' ? ':soft' : ''}`

/** The email's `status` is a word about the email here, not a code of the bounce. */
function reconciledBounce({ status, ...facts }: Json): ReceivedEvent['bounce'] {
  const word = statusIn({ ...facts, status })
  const evidence = word === 'soft_bounced' || word === 'hard_bounced' ? { bounce_type: word, ...facts } : facts
  return bounceOf(evidence)
}
