/**
 * Requests to Lettermint's Team API (docs.lettermint.co/api-reference/team), in the forms that lettermint/lettermint-node generates from its
 * OpenAPI document.
 */
import type { z } from 'zod'
import type { ApiOptions } from '../provider-api.ts'
import { createQuestions } from '../provider-question.ts'

/** "Rate limit tiers" of the Team API: 300 reads and 60 writes a minute. */
export const [readsPerSecond, writesPerSecond] = [5, 1]

/** An email takes two requests, one after the other, and the activity that asks has 10 seconds. */
const defaultTimeoutMs = 4_500

/** All throw ProviderRefusedError or ProviderUnreachableError; a change also EmailRefusedError. */
export interface LettermintRequests {
  /** Null for what Lettermint does not know. */
  get<T>(form: z.ZodType<T>, path: string, query?: Readonly<Record<string, string>>): Promise<T | null>
  /** Changes what a repeat changes no further. */
  change(method: 'POST' | 'DELETE', path: string, body?: object): Promise<void>
}

export function createLettermintRequests(options: ApiOptions): LettermintRequests {
  const { find, change } = createQuestions({
    ...{ timeoutMs: defaultTimeoutMs, ...options, title: 'Lettermint', keySetting: 'LETTERMINT_API_KEY' },
    rateLimitResetHeader: 'x-ratelimit-reset',
  })
  return {
    get(form, path, query = {}) {
      const search = Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : ''
      return find(form, `/v1${path}${search}`)
    },
    change: (method, path, body) => change({ method, path: `/v1${path}`, ...(body && { body }) }),
  }
}
