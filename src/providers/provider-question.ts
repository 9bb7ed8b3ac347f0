/** Questions to a provider's API, and changes that may be repeated, for the providers whose APIs answer alike. */
import type { z } from 'zod'
import { answersFrom } from './provider-answer.ts'
import { EmailRefusedError, ProviderUnreachableError } from './provider-api.ts'
import { createProviderHttp, type ProviderHttpOptions } from './provider-http.ts'

interface Question {
  /** With its query. */
  readonly path: string
  /** Default: GET. */
  readonly method?: 'PUT' | 'POST' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
}

/**
 * Sends a question or a change, and parses the answer.
 * @throws ProviderRefusedError for the key; EmailRefusedError for a change that the provider refuses; ProviderUnreachableError otherwise, also
 * for a question that is refused and for an answer of another form.
 */
export type Ask = <T>(form: z.ZodType<T>, question: Question) => Promise<T>

/** For pages of a thousand events with their custom fields. */
const maxAnswerBytes = 8 * 1_048_576

export function createAsk(options: ProviderHttpOptions): Ask {
  const { answerOf } = answersFrom(options.title)
  const http = createProviderHttp(options)
  return async (form, question) => {
    const request = { method: 'GET', ...question, isRepeatable: true, maxAnswerBytes } as const
    const { json } = await http.request(request).catch((error: unknown) => {
      if (request.method !== 'GET' || !(error instanceof EmailRefusedError)) throw error
      throw new ProviderUnreachableError(`${options.title} refuses the question with ${error.status}`, {
        mayHaveArrived: false,
      })
    })
    return answerOf(form, json)
  }
}
