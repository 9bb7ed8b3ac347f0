/** Requests to Mailgun's API, by its OpenAPI document (github.com/mailgun/mailgun-mcp-server, src/openapi.yaml, 3.0.0 of 2026-07-09). */
import type { z } from 'zod'
import { answersFrom } from '../provider-answer.ts'
import { type ApiOptions, EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from '../provider-api.ts'
import { createProviderHttp } from '../provider-http.ts'

interface Question {
  /** With its query. */
  readonly path: string
  /** Absent: the request is a GET. */
  readonly body?: unknown
  /** The answer of a deletion says nothing. */
  readonly method?: 'DELETE'
}

/**
 * Sends a question, or a change that may be repeated, and parses the answer.
 * @throws ProviderRefusedError for the key or an unknown domain; ProviderUnreachableError otherwise, also for an answer of another form.
 */
export type Ask = <T>(form: z.ZodType<T>, question: Question) => Promise<T>

/**
 * Mailgun publishes 500 requests in 10 seconds for the metrics of an account, and no limit for logs and suppression lists: a tenth of
 * the former leaves room for the account's other programs.
 */
export const requestsPerSecond = 5

const { answerOf } = answersFrom('Mailgun')

export function createAsk(options: ApiOptions): Ask {
  const authorization = `Basic ${Buffer.from(`api:${options.apiKey}`).toString('base64')}`
  const http = createProviderHttp({
    ...options,
    title: 'Mailgun',
    keySetting: 'MAILGUN_API_KEY',
    authenticate: async () => ({ authorization }),
  })
  return async (form, question) => {
    const method = question.method ?? (question.body === undefined ? 'GET' : 'POST')
    const { status, json } = await http.request({ ...question, method, isRepeatable: true }).catch((error) => {
      throw error instanceof EmailRefusedError ? refusedQuestion(error) : error
    })
    if (status === 404 && method === 'GET')
      throw new ProviderRefusedError('Mailgun has no such domain: check MAILGUN_DOMAINS')
    return answerOf(form, json)
  }
}

/** Such as 400, by which Mailgun answers a question about a time for which the account's plan keeps no logs (amp-labs/connectors). */
const refusedQuestion = ({ status }: EmailRefusedError) =>
  new ProviderUnreachableError(
    `Mailgun refuses the question with ${status}; it may be older than the logs of the plan`,
    {
      mayHaveArrived: false,
    },
  )
