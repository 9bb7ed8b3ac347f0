/**
 * The IDs of an email's trace and of an event's receipt span, derived from IDs that every process knows. So nothing has to be
 * stored or passed from a webhook to its workflow, and a relay in another process, even after a crash, finds the trace.
 */
import { createHash } from 'node:crypto'
import type { EmailKey } from '../domain/events.ts'

const digestOf = (...parts: readonly string[]): string => createHash('sha256').update(parts.join('\n')).digest('hex')

/** One trace for the whole lifecycle of an email: 16 bytes in hex. */
export const traceIdOf = ({ provider, emailId }: EmailKey): string => digestOf(provider, emailId).slice(0, 32)

/** The span in which an event was received: 8 bytes in hex. */
export const receiptSpanIdOf = (provider: string, eventId: string): string =>
  digestOf(provider, 'event', eventId).slice(0, 16)
