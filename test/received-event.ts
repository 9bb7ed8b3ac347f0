import type { ReceivedEvent } from '../src/domain/events.ts'

/** A stored event for tests; by default a `sent` of one recipient. */
export function receivedEvent(parts: Partial<ReceivedEvent> = {}): ReceivedEvent {
  const now = Date.now()
  return {
    provider: 'aisend',
    emailId: 'em_1',
    id: 'evt_1',
    type: 'sent',
    occurredAt: now,
    receivedAt: now,
    to: ['ada@example.com'],
    recipient: 'ada@example.com',
    subject: null,
    bounce: null,
    human: false,
    payload: '{}',
    ...parts,
  }
}
