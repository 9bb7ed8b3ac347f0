import assert from 'node:assert/strict'
import { writeEscalation } from '../../src/db/escalations.ts'
import { type OverduePosition, readOverdueEmails } from '../../src/db/overdue-emails.ts'
import { type EscalationReason, openEscalation, resolveEscalation } from '../../src/domain/escalation.ts'
import { incidentKeyOf } from '../../src/domain/incident.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

const minute = 60_000
const now = Date.UTC(2026, 10, 25, 12)
const policy: LifecyclePolicy = {
  stallAfterMs: { critical: 10 * minute, normal: 60 * minute, bulk: 600 * minute },
  escalationRepeatAfterMs: 30 * minute,
  lingerAfterSettledMs: 60 * minute,
  giveUpAfterMs: 1_000 * minute,
}

describe('the search for overdue emails', () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await testDatabase()
  })
  afterEach(() => database.drop())

  const heardOf = (id: string, minutesAgo: number, more: { priority?: string; settledReceivedAt?: Date } = {}) =>
    database.db.email.create({
      data: { id, provider: 'aisend', firstReceivedAt: new Date(now - minutesAgo * minute), ...more },
    })

  const escalated = (emailId: string, reason: EscalationReason, minutesAgo: number, isResolved = false) => {
    const opened = openEscalation(reason, '', now - minutesAgo * minute, policy)
    const escalation = isResolved ? resolveEscalation(opened, 'ada', now) : opened
    return writeEscalation(database.db, { provider: 'aisend', emailId }, escalation)
  }

  const question = { policy, channels: ['log', 'webhook'], dueBefore: now }

  /** Page by page. */
  const pagesOf = async (limit: number): Promise<string[][]> => {
    const pages: string[][] = []
    for (let after: OverduePosition | null | undefined; after !== null; ) {
      const { emails, next } = await readOverdueEmails(database.db, { ...question, limit }, after ?? null)
      pages.push(emails.map(({ emailId }) => emailId))
      after = next
    }
    return pages
  }
  const overdue = async (limit = 100): Promise<string[]> => [...new Set((await pagesOf(limit)).flat())].sort()

  it('finds emails after their stall deadline, by priority', async () => {
    await heardOf('critical, over', 11, { priority: 'critical' })
    await heardOf('critical, not yet', 9, { priority: 'critical' })
    await heardOf('normal, over', 61)
    await heardOf('normal, not yet', 59)
    await heardOf('bulk, over', 601, { priority: 'bulk' })
    await heardOf('bulk, not yet', 599, { priority: 'bulk' })
    assert.deepEqual(await overdue(), ['bulk, over', 'critical, over', 'normal, over'])
  })

  it('skips emails that are settled, escalated or given up', async () => {
    await heardOf('settled', 61, { settledReceivedAt: new Date(now) })
    await heardOf('escalated', 61)
    await escalated('escalated', 'stalled', 1)
    await heardOf('given up', 1_001)
    assert.deepEqual(await overdue(), [])
  })

  it('finds critical emails that bounced or failed for good without an escalation, whatever class the provider gave the bounce', async () => {
    const bounced = (id: string, bounceClass: string, failureOutcome: string | null) =>
      database.db.email.create({
        data: {
          ...{ id, provider: 'aisend', priority: 'critical', bounceClass, failureOutcome },
          ...{ bouncedAt: new Date(now - minute), settledReceivedAt: new Date(now - minute) },
        },
      })
    await bounced('failed, called soft', 'soft', 'failed')
    await bounced('bounced', 'hard', 'bounced')
    await bounced('hard bounce of a version before 0.5', 'hard', null)
    await bounced('delayed, called hard', 'hard', 'deferred')
    await bounced('automatic reply', 'hard', 'none')
    await bounced('failed, and escalated', 'soft', 'failed')
    await escalated('failed, and escalated', 'critical_bounce', 1, true)
    assert.deepEqual(await overdue(), ['bounced', 'failed, called soft', 'hard bounce of a version before 0.5'])
  })

  it('finds emails whose second notice is overdue, while notices are still sent', async () => {
    await heardOf('untold', 61, { settledReceivedAt: new Date(now) })
    await escalated('untold', 'critical_bounce', 31)
    await heardOf('not yet', 61, { settledReceivedAt: new Date(now) })
    await escalated('not yet', 'critical_bounce', 29)
    await heardOf('resolved', 61, { settledReceivedAt: new Date(now) })
    await escalated('resolved', 'critical_bounce', 31, true)
    assert.deepEqual(await overdue(), ['untold'])
  })

  it('returns all of them in pages, the longest overdue first', async () => {
    // With equal and with different times: none is skipped or found twice.
    const ids = Array.from({ length: 23 }, (_, n) => `late ${String(n).padStart(2, '0')}`)
    for (const [n, id] of ids.entries()) await heardOf(id, 100 - Math.floor(n / 3))
    const pages = await pagesOf(5)
    assert.deepEqual(pages.flat(), ids)
    assert.ok(pages.every((page) => page.length <= 5))
  })

  const bounced = (id: string, minutesAgo: number, more: object = {}) => {
    const at = new Date(now - minutesAgo * minute)
    const settled = { firstReceivedAt: at, settledReceivedAt: at }
    const data = {
      id,
      provider: 'aisend',
      priority: 'critical',
      bounceClass: 'hard',
      bouncedAt: at,
      ...settled,
      ...more,
    }
    return database.db.email.create({ data })
  }

  it('finds critical emails that bounced or were complained about without an escalation', async () => {
    await bounced('bounced', 2)
    await bounced('complained', 2, { bounceClass: null, bouncedAt: null, complainedAt: new Date(now - minute) })
    await bounced('complained too', 2, { complainedAt: new Date(now - minute) })
    await escalated('complained too', 'critical_bounce', 1)
    await bounced('just now', 0)
    await bounced('escalated', 2)
    await escalated('escalated', 'critical_bounce', 1, true)
    await bounced('normal', 2, { priority: 'normal' })
    await bounced('soft', 2, { bounceClass: 'soft' })
    await bounced('long ago', 1_001)
    assert.deepEqual(await overdue(), ['bounced', 'complained', 'complained too'])
  })

  it('finds emails with undelivered notices, unless the channel refused them or they are too old', async () => {
    const noticed = async (emailId: string, channels: readonly string[], minutesAgo = 2, isResolved = false) => {
      await heardOf(emailId, 61, { settledReceivedAt: new Date(now) })
      await escalated(emailId, 'critical_bounce', 1, isResolved)
      const { id } = await database.db.escalation.update({
        where: { emailId_provider_reason: { emailId, provider: 'aisend', reason: 'critical_bounce' } },
        data: { noticedAt: new Date(now - minutesAgo * minute) },
      })
      const rows = channels.map((channel) => ({
        escalationId: id,
        notice: 1,
        channel,
        isRefused: channel === 'webhook',
      }))
      await database.db.notification.createMany({ data: rows })
    }
    await noticed('sent on both', ['log', 'webhook'])
    await noticed('sent on one', ['log'])
    await noticed('sent on no channel', [])
    await noticed('just now', [], 0)
    await noticed('too long ago', [], 3 * 24 * 60 + 1)
    await noticed('resolved', [], 2, true)
    await noticed('sent once of twice', ['log', 'webhook'])
    await database.db.escalation.updateMany({ where: { emailId: 'sent once of twice' }, data: { notices: 2 } })
    assert.deepEqual(await overdue(), ['sent on no channel', 'sent on one', 'sent once of twice'])
  })

  it('finds open stalls although delivery has settled', async () => {
    await heardOf('settled', 61, { settledReceivedAt: new Date(now - minute) })
    await heardOf('settled just now', 61, { settledReceivedAt: new Date(now) })
    await heardOf('silent', 61)
    for (const id of ['settled', 'settled just now', 'silent']) await escalated(id, 'stalled', 1)
    await database.db.escalation.updateMany({ data: { noticedAt: null } })
    assert.deepEqual(await overdue(), ['settled'])
  })

  it('skips incidents', async () => {
    const incident = incidentKeyOf('provider:aisend', 'now')
    await writeEscalation(database.db, incident, openEscalation('bounce_rate', '', now - 31 * minute, policy))
    assert.deepEqual(await overdue(), [])
  })
})
