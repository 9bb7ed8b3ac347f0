/** Emails with what happened to them, for stand-ins. */
import fc from 'fast-check'

/** The window of all events. */
export const [start, hour] = [Date.UTC(2026, 10, 24, 9), 3_600_000]

export const bounces = [
  { class: 'hard', code: '5.1.1', message: '550 5.1.1 no such user', isOver: true },
  { class: 'soft', code: '5.2.2', message: '552 5.2.2 mailbox full', isOver: true },
  { class: 'soft', code: null, message: null, isOver: false },
] as const

/** An email to one to three recipients, with a history of up to six events. */
export const arbitraryEmail = fc.integer({ min: 1, max: 3 }).chain((count) => {
  const to = ['ada@example.com', 'bob@example.com', 'eve@example.com'].slice(0, count)
  const event = fc.record({
    type: fc.constantFrom('queued', 'sent', 'delivered', 'bounced', 'complained', 'opened', 'clicked'),
    recipient: fc.constantFrom(null, ...to),
    at: fc.integer({ min: start, max: start + hour - 1 }),
    bounce: fc.constantFrom(...bounces),
  })
  return fc.record({ to: fc.constant(to), events: fc.array(event, { maxLength: 6 }) })
})
