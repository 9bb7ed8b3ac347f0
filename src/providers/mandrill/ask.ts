/**
 * Requests to Mailchimp Transactional's API, each a POST with the key in its body. Source: its OpenAPI document
 * (github.com/mailchimp/mailchimp-client-lib-codegen, spec/transactional.openapi.json, 1.4.0), whose errors have a status of their own. The older
 * version 1.0, which its libraries use, has the same names of errors with the status 500 (mandrillapp.com/api/docs).
 */
import { z } from 'zod'
import { answersFrom } from '../provider-answer.ts'
import { type ApiOptions, EmailRefusedError, ProviderRefusedError } from '../provider-api.ts'
import { createProviderHttp, type ErrorAnswer } from '../provider-http.ts'

/**
 * Sends a question, or a change that may be repeated, and parses the answer.
 * @returns null where Mandrill knows no such message or entry.
 * @throws ProviderRefusedError for the key, EmailRefusedError for the request; ProviderUnreachableError otherwise, also for an answer of another form.
 */
export type Ask = <T>(form: z.ZodType<T>, call: string, parameters: object) => Promise<T | null>

/** The most that an answer may have: a thousand entries of a list, each with the reply of a server. */
const maxAnswerBytes = 8 * 1_048_576

const title = 'Mailchimp Transactional'
const keySetting = 'MANDRILL_API_KEY'
const { answerOf } = answersFrom(title)

export function createAsk(options: ApiOptions): Ask {
  const http = createProviderHttp({
    ...options,
    ...{ title, keySetting, errorIn: refusalIn },
    authenticate: async () => ({}),
  })
  return async (form, call, parameters) => {
    const body = { key: options.apiKey, ...parameters }
    const answer = await http
      .request({ method: 'POST', path: `/api/1.0/${call}`, body, isRepeatable: true, maxAnswerBytes })
      .catch((error) => {
        if (error instanceof EmailRefusedError && isUnknown(error.reason)) return null
        throw error
      })
    return answer && answerOf(form, answer.json)
  }
}

const isUnknown = (name: string | null): boolean => name === 'Unknown_Message' || name === 'Invalid_Reject'

const errorForm = z.object({ name: z.string() })

/** Null for what Mandrill may answer otherwise the next time. */
function refusalIn({ status, json }: ErrorAnswer): Error | null {
  const name = errorForm.safeParse(json).data?.name ?? null
  if (name === 'Invalid_Key') return new ProviderRefusedError(`${title} refuses the API key: check ${keySetting}`)
  if (!isUnknown(name) && name !== 'ValidationError') return null
  return new EmailRefusedError(`${title} refuses the request as ${name}`, status, name)
}
