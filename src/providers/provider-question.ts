/** Questions to a provider's API, and changes, for the providers whose APIs answer alike. */
import type { z } from 'zod'
import { answersFrom } from './provider-answer.ts'
import { EmailRefusedError, ProviderUnreachableError } from './provider-api.ts'
import { createProviderHttp, type ProviderHttpOptions } from './provider-http.ts'

interface Change {
  readonly method: 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Default true: a repeat changes nothing further. */
  readonly isRepeatable?: boolean
}

/** All throw ProviderRefusedError for the key, and ProviderUnreachableError, also for an answer of another form. */
export interface ProviderQuestions {
  /** Parses the answer to a question. @param path with its query. @throws ProviderUnreachableError also for a question that is refused. */
  ask<T>(form: z.ZodType<T>, path: string): Promise<T>
  /** The same; null if there is no such thing. @param absentStatuses by which the provider says so. Default: 404. */
  find<T>(form: z.ZodType<T>, path: string, absentStatuses?: readonly number[]): Promise<T | null>
  /** @throws EmailRefusedError for a change that the provider refuses. */
  change(change: Change): Promise<void>
}

/** For pages of a thousand events with their custom fields. */
const maxAnswerBytes = 8 * 1_048_576

export function createQuestions(options: ProviderHttpOptions): ProviderQuestions {
  const { title } = options
  const { answerOf } = answersFrom(title)
  const http = createProviderHttp(options)

  const answerTo = (path: string) =>
    http.request({ method: 'GET', path, isRepeatable: true, maxAnswerBytes }).catch((error: unknown) => {
      if (!(error instanceof EmailRefusedError)) throw error
      return { status: error.status, json: undefined }
    })
  const parsed = <T>(form: z.ZodType<T>, { status, json }: { status: number; json: unknown }): T => {
    if (status < 400) return answerOf(form, json)
    throw new ProviderUnreachableError(`${title} refuses the question with ${status}`, { mayHaveArrived: false })
  }

  return {
    ask: async (form, path) => parsed(form, await answerTo(path)),
    async find(form, path, absentStatuses = [404]) {
      const answer = await answerTo(path)
      return absentStatuses.includes(answer.status) ? null : parsed(form, answer)
    },
    async change({ isRepeatable = true, ...change }) {
      await http.request({ ...change, isRepeatable })
    },
  }
}
