/** Requests to MailerSend's API. */
import type { z } from 'zod'
import type { ApiOptions } from '../provider-api.ts'
import { createQuestions } from '../provider-question.ts'

/** The longest page. */
export const pageSize = 100

/**
 * MailerSend publishes 10 requests a minute for activities, and 60 for others (developers.mailersend.com/general, "Rate limits"). An audit asks
 * about each email at this pace. The quota of a day depends on the plan: 100 to 500,000 requests.
 */
export const requestsPerSecond = 10 / 60

/** An email takes two requests or more, one after the other, and the activity that asks has 10 seconds. */
const defaultTimeoutMs = 3_000

/** All throw ProviderRefusedError or ProviderUnreachableError. */
export interface MailersendRequests {
  /** Null for what MailerSend does not know. */
  get<T>(form: z.ZodType<T>, path: string): Promise<T | null>
  /** Null also for a question that MailerSend finds invalid. */
  ask<T>(form: z.ZodType<T>, path: string): Promise<T | null>
}

/** "Validation errors". */
const invalid = 422

export function createMailersendRequests(options: ApiOptions): MailersendRequests {
  const { find } = createQuestions({
    ...{ timeoutMs: defaultTimeoutMs, ...options, title: 'MailerSend', keySetting: 'MAILERSEND_API_KEY' },
  })
  return {
    get: (form, path) => find(form, `/v1${path}`),
    ask: (form, path) => find(form, `/v1${path}`, [404, invalid]),
  }
}
