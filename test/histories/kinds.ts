/** One life of every kind that the workflow's code takes a path of its own for. Recorded, they guard its determinism. */

import { until } from '../until.ts'
import { type Living, type LivingEmail, stallAfter } from '../workflows/living.ts'

/** Lives it to its end, or to where it is worth recording. */
type Kind = (living: Living) => Promise<LivingEmail>

export const kinds: Record<string, Kind> = {
  async delivered(living) {
    const email = living.email({ engagementWindowMs: 300 })
    await email.register()
    for (const type of ['queued', 'sending', 'sent', 'delivered']) await email.hear(email.event(type))
    await email.hear(email.event('opened', { human: true }))
    await email.closed()
    return email
  },

  async reopened(living) {
    const email = living.email({ engagementWindowMs: 200 })
    await email.hear(email.event('sent'), email.event('delivered'))
    await email.closed()
    await email.hear(email.event('clicked', { human: true }))
    await email.closed()
    return email
  },

  async 'critical-bounce'(living) {
    const email = living.email({ escalationRepeatAfterMs: 300 })
    await email.register('critical')
    await email.hear(email.event('sent'), email.hardBounce())
    await email.escalated('critical_bounce', 'open')
    await until(() => email.notices().length === 2)
    await email.lives.command(email, 'critical_bounce', { do: 'resolve', by: 'ada' })
    return email
  },

  async 'stalled-and-delivered'(living) {
    const email = living.email({ ...stallAfter(200), escalationRepeatAfterMs: 200, engagementWindowMs: 300 })
    await email.register()
    await until(() => email.notices().length === 2)
    await email.lives.command(email, 'stalled', { do: 'snooze', by: 'ada', until: Date.now() + 300 })
    await until(() => email.notices().length === 3)
    await email.lives.command(email, 'stalled', { do: 'acknowledge', by: 'ada' })
    await email.hear(email.event('delivered'))
    await email.closed()
    return email
  },

  async 'webhook-lost'(living) {
    const email = living.email({ ...stallAfter(200), engagementWindowMs: 300 })
    living.answers.set(email.emailId, [email.event('delivered')])
    await email.register()
    await email.closed()
    return email
  },

  async 'given-up-and-resolved'(living) {
    const email = living.email({ ...stallAfter(100), escalationRepeatAfterMs: 100, giveUpAfterMs: 600 })
    await email.register()
    await email.closed()
    await email.lives.command(email, 'stalled', { do: 'resolve', by: 'ada' })
    await email.closed()
    return email
  },

  async 'soft-bounces'(living) {
    const email = living.email({ engagementWindowMs: 300 })
    for (const days of [4, 2, 0]) {
      const occurredAt = Date.now() - days * 24 * 3_600_000
      const bounce = { class: 'soft' as const, code: '4.2.2', message: null }
      await email.hear(email.event('bounced', { occurredAt, bounce }))
    }
    await email.closed()
    return email
  },

  async 'bounced-and-complained'(living) {
    const email = living.email({ engagementWindowMs: 300 })
    await email.hear(email.event('sent'), email.hardBounce(), email.event('complained'))
    await email.closed()
    return email
  },

  async 'delivered-within-moments'(living) {
    const email = living.email({ transitShownAfterMs: 60_000, engagementWindowMs: 300 })
    for (const type of ['queued', 'sending', 'sent', 'delivered']) await email.hear(email.event(type))
    await email.closed()
    return email
  },

  async 'rests-on-its-way'(living) {
    const email = living.email({ transitShownAfterMs: 500, ...stallAfter(1_000), engagementWindowMs: 300 })
    for (const type of ['queued', 'sent']) await email.hear(email.event(type))
    await email.escalated('stalled', 'open')
    await email.hear(email.event('delivered'))
    await email.closed()
    return email
  },

  async woken(living) {
    const email = living.email({ ...stallAfter(500), engagementWindowMs: 300 })
    await email.hear(email.event('sent'))
    await email.handle().terminate()
    await email.lives.wake(email, null)
    await email.escalated('stalled', 'open')
    await email.hear(email.event('delivered'))
    await email.closed()
    return email
  },

  async 'heard-of-often'(living) {
    const email = living.email()
    await email.hear(email.event('sent'), email.event('delivered'))
    for (let opens = 0; opens < 52; opens++) await email.hear(email.event('opened', { human: true }))
    return email
  },
}
