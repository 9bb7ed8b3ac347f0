/**
 * Requests to Lettermint's Team API (docs.lettermint.co/api-reference/team), in the forms that lettermint/lettermint-node generates from its
 * OpenAPI document.
 */
import type { z } from 'zod'
import { answersFrom } from '../provider-answer.ts'
import { type ApiOptions, EmailRefusedError, ProviderUnreachableError } from '../provider-api.ts'
import { createProviderHttp } from '../provider-http.ts'

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

const { answerOf } = answersFrom('Lettermint')

export function createLettermintRequests(options: ApiOptions): LettermintRequests {
  const http = createProviderHttp({
    ...{ timeoutMs: defaultTimeoutMs, ...options, title: 'Lettermint', keySetting: 'LETTERMINT_API_KEY' },
    rateLimitResetHeader: 'x-ratelimit-reset',
  })
  return {
    async get(form, path, query = {}) {
      const search = Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : ''
      const asked = http.request({ method: 'GET', path: `/v1${path}${search}`, isRepeatable: true })
      const { status, json } = await asked.catch((error) => {
        throw error instanceof EmailRefusedError ? new ProviderUnreachableError(error.message) : error
      })
      return status === 404 ? null : answerOf(form, json)
    },
    async change(method, path, body) {
      await http.request({ method, path: `/v1${path}`, isRepeatable: true, ...(body && { body }) })
    },
  }
}
