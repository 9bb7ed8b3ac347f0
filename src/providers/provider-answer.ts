/** The form of the answers of providers' APIs. */
import type { z } from 'zod'
import { ProviderUnreachableError } from './provider-api.ts'

/** @param title the provider's name, for the message. */
export function answersFrom(title: string) {
  const undocumentedAnswer = (): ProviderUnreachableError =>
    new ProviderUnreachableError(`the answer of ${title} does not match its documentation`)
  return {
    undocumentedAnswer,
    /** An answer, parsed. @throws ProviderUnreachableError if it has another form. */
    answerOf<T>(form: z.ZodType<T>, json: unknown): T {
      const parsed = form.safeParse(json)
      if (parsed.success) return parsed.data
      throw undocumentedAnswer()
    },
  }
}
