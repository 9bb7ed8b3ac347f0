/** The form of the answers of providers' APIs. */
import type { z } from 'zod'
import { normalizeAddress } from '../domain/address.ts'
import type { ReceivedEvent } from '../domain/events.ts'
import type { SuppressionReason } from '../domain/suppression.ts'
import type { Adapter } from './adapter.ts'
import { timeIn } from './fields.ts'
import { InvalidEventError } from './provider.ts'
import { type ListedAddress, ProviderUnreachableError } from './provider-api.ts'

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

/**
 * An entry of a provider's suppression list. None if there is no address, or no reason that concerns all emails to it.
 * @param since when the provider added it, in any form that {@link timeIn} reads.
 */
export function listedAddress(named: string, reason: SuppressionReason | null, since: unknown): ListedAddress[] {
  const address = normalizeAddress(named)
  return address === null || reason === null ? [] : [{ address, reason, since: timeIn([since]) }]
}
