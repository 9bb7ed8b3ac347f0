/** Requests to MailerSend's API. */
import type { z } from 'zod'
import { answersFrom } from '../provider-answer.ts'
import { type ApiOptions, EmailRefusedError, ProviderUnreachableError } from '../provider-api.ts'
import { createProviderHttp } from '../provider-http.ts'

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

const { answerOf } = answersFrom('MailerSend')

/** "Validation errors". */
const invalid = 422

export function createMailersendRequests(options: ApiOptions): MailersendRequests {
  const http = createProviderHttp({
    ...{ timeoutMs: defaultTimeoutMs, ...options, title: 'MailerSend', keySetting: 'MAILERSEND_API_KEY' },
  })
  const read = async <T>(form: z.ZodType<T>, path: string): Promise<T | null> => {
    const { status, json } = await http.request({ method: 'GET', path: `/v1${path}`, isRepeatable: true })
    return status === 404 ? null : answerOf(form, json)
  }
  const unreachable = (error: unknown): never => {
    throw error instanceof EmailRefusedError ? new ProviderUnreachableError(error.message) : error
  }
  return {
    get: (form, path) => read(form, path).catch(unreachable),
    ask: (form, path) =>
      read(form, path).catch((error) =>
        error instanceof EmailRefusedError && error.status === invalid ? null : unreachable(error),
      ),
  }
}
