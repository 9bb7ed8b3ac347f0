import { randomUUID } from 'node:crypto'
import type { ReceivedEvent } from '../src/domain/events.ts'

/** An event as an adapter would have read it; of an email of its own unless one is named. */
export function benchEvent(type: string, emailId = `bench-${randomUUID()}`): ReceivedEvent {
  const now = Date.now()
  return {
    provider: 'aisend',
    emailId,
    id: `${emailId}/${type}/${now}`,
    type,
    occurredAt: now,
    receivedAt: now,
    to: [`${emailId}@example.com`],
    recipient: `${emailId}@example.com`,
    subject: null,
    bounce: null,
    human: false,
    payload: '{}',
  }
}
