/** Reads emails and suppressions from the API of the running system. */

import { isObject, type Json } from '../providers/fields.ts'
import type { Limiter } from './limiter.ts'
import type { Target } from './options.ts'
import { fetchErrorText } from './sender.ts'

/** The system did not respond, or with an invalid response. A retry may succeed. */
export class NoResponseError extends Error {
  override name = 'NoResponseError'
}

interface SuppressionState {
  readonly suppressed: boolean
  readonly reason: string | null
}

export interface Reader {
  /** Null: the email is unknown. @throws NoResponseError */
  readEmail(id: string): Promise<Json | null>
  /** `GET /v1/suppressions/:address`. @throws NoResponseError */
  readSuppression(address: string): Promise<SuppressionState>
  /** The suppressed ones of `addresses`, by `POST /v1/suppressions/check`. @throws NoResponseError */
  suppressedAmong(addresses: readonly string[]): Promise<string[]>
}

const timeoutMs = 10_000

export function createReader({ apiUrl, apiKey }: Target, limit: Limiter): Reader {
  const send = (path: string, body?: unknown) =>
    limit(async () => {
      const response = await request(`${apiUrl}${path}`, apiKey, body)
      const json: unknown = await response.json().catch(() => null)
      if (response.status === 404) return null
      if (!response.ok || !isObject(json)) throw new NoResponseError(`status ${response.status}`)
      return json
    })
  return {
    readEmail: (id) => send(`/v1/emails/${encodeURIComponent(id)}`),
    async readSuppression(address) {
      const response = await send(`/v1/suppressions/${encodeURIComponent(address)}`)
      return { suppressed: response?.['suppressed'] === true, reason: textOf(response?.['reason']) }
    },
    async suppressedAmong(addresses) {
      const response = await send('/v1/suppressions/check', { addresses })
      const data = response?.['data']
      if (!Array.isArray(data)) throw new NoResponseError('the response is not a list of suppressions')
      return data
        .filter((entry) => isObject(entry) && entry['suppressed'] === true)
        .map(({ address }) => String(address))
    },
  }
}

async function request(url: string, apiKey: string, body: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const options = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
  try {
    return await fetch(url, { ...options, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    throw new NoResponseError(fetchErrorText(error))
  }
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
