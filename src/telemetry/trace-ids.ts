/**
 * Which trace an email's spans belong to, and which span its receipt is. Both follow from IDs that every process knows, so
 * the way from a webhook to its workflow needs nothing stored and nothing carried: a sweep in another process, after a
 * crash, finds the trace just as well.
 */
import { createHash } from 'node:crypto'
import type { EmailKey } from '../domain/events.ts'

const digestOf = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex')

/** One trace holds all of an email's life: 16 bytes in hex. */
export const traceIdOf = ({ provider, emailId }: EmailKey): string => digestOf(provider, emailId).slice(0, 32)

/** The span in which an event was received: 8 bytes in hex. */
export const receiptSpanIdOf = (provider: string, eventId: string): string =>
  digestOf(provider, 'event', eventId).slice(0, 16)
