/** The form of the answers of providers' APIs. */
import type { z } from 'zod'
import type { ReceivedEvent } from '../domain/events.ts'
import type { Adapter } from './adapter.ts'
import { InvalidEventError } from './provider.ts'
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

/**
 * The events of an entry that a provider's API answers in the form of its webhooks: none of one that the webhook would be refused for.
 * @param payload is stored with the events. Default: the entry's JSON.
 */
export function eventsAnswered(adapter: Adapter, entry: object, receivedAt: number, payload?: string): ReceivedEvent[] {
  try {
    return adapter.eventsOf(entry, receivedAt, payload)
  } catch (error) {
    if (error instanceof InvalidEventError) return []
    throw error
  }
}
