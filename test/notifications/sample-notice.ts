import type { SupportNotice } from '../../src/notifications/channel.ts'

/** A notice of a stalled critical email, with `changes`. */
export const sampleNotice = (changes: Partial<SupportNotice> = {}): SupportNotice => ({
  id: 'esc_7.1',
  escalationId: 'esc_7',
  notice: 1,
  reason: 'stalled',
  detail: 'No delivery was reported within 10 minutes',
  provider: 'aisend',
  emailId: 'em_42',
  recipients: ['ada@example.com'],
  subject: 'Your sign-in code – grüße ✉',
  priority: 'critical',
  status: 'sent',
  openedAt: Date.UTC(2026, 10, 24, 9, 30),
  ...{ state: 'open', acknowledgedBy: null, snoozedUntil: null, resolvedBy: null, version: 1 },
  ...changes,
})
