/** Asks the running system what it knows, over its API alone. */
import { isObject, type Json } from '../../providers/fields.ts'
import type { Target } from '../target.ts'
import type { Gate } from './gate.ts'
import { whyUnanswered } from './provider.ts'

/** The system did not answer, or not with what its API promises. Ask again. */
export class UnansweredError extends Error {
  override name = 'UnansweredError'
}

export interface SuppressionAnswer {
  readonly suppressed: boolean
  readonly reason: string | null
}

export interface Reader {
  /** Null: the system does not know the email. @throws UnansweredError */
  readEmail(id: string): Promise<Json | null>
  /** `GET /v1/suppressions/:address`. @throws UnansweredError */
  readSuppression(address: string): Promise<SuppressionAnswer>
  /** Those of `addresses` that are suppressed, by `POST /v1/suppressions/check`. @throws UnansweredError */
  suppressedAmong(addresses: readonly string[]): Promise<string[]>
}

const timeoutMs = 10_000

export function createReader({ apiUrl, apiKey }: Target, gate: Gate): Reader {
  const ask = (path: string, body?: unknown) =>
    gate(async () => {
      const response = await answerTo(`${apiUrl}${path}`, apiKey, body)
      const answer: unknown = await response.json().catch(() => null)
      if (response.status === 404) return null
      if (!response.ok || !isObject(answer)) throw new UnansweredError(`answered ${response.status}`)
      return answer
    })
  return {
    readEmail: (id) => ask(`/v1/emails/${encodeURIComponent(id)}`),
    async readSuppression(address) {
      const answer = await ask(`/v1/suppressions/${encodeURIComponent(address)}`)
      return { suppressed: answer?.['suppressed'] === true, reason: textOf(answer?.['reason']) }
    },
    async suppressedAmong(addresses) {
      const answer = await ask('/v1/suppressions/check', { addresses })
      const data = answer?.['data']
      if (!Array.isArray(data)) throw new UnansweredError('answered something else than a list of suppressions')
      return data
        .filter((entry) => isObject(entry) && entry['suppressed'] === true)
        .map(({ address }) => String(address))
    },
  }
}

async function answerTo(url: string, apiKey: string, body: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const request = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
  try {
    return await fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    throw new UnansweredError(whyUnanswered(error))
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
