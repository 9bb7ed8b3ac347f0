import assert from 'node:assert/strict'
import { writeEscalation } from '../../src/db/escalations.ts'
import { readOverdueEmails } from '../../src/db/overdue-emails.ts'
import { type EscalationReason, openEscalation, resolveEscalation } from '../../src/domain/escalation.ts'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

const minute = 60_000
const now = Date.UTC(2026, 10, 25, 12)
const policy: LifecyclePolicy = {
  stallAfterMs: { critical: 10 * minute, normal: 60 * minute, bulk: 600 * minute },
  escalationRepeatAfterMs: 30 * minute,
  engagementWindowMs: 60 * minute,
  giveUpAfterMs: 1_000 * minute,
}

describe('the look for overdue emails', () => {
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

  const overdue = async (limit = 100): Promise<string[]> => {
    const found = await readOverdueEmails(database.db, { policy, dueBefore: now, limit })
    return found.map(({ emailId }) => emailId).sort()
  }

  it('finds those whose stall deadline is over, each by its own priority', async () => {
    await heardOf('critical, over', 11, { priority: 'critical' })
    await heardOf('critical, not yet', 9, { priority: 'critical' })
    await heardOf('normal, over', 61)
    await heardOf('normal, not yet', 59)
    await heardOf('bulk, over', 601, { priority: 'bulk' })
    await heardOf('bulk, not yet', 599, { priority: 'bulk' })
    assert.deepEqual(await overdue(), ['bulk, over', 'critical, over', 'normal, over'])
  })

  it('leaves those alone that are settled, escalated, or given up', async () => {
    await heardOf('settled', 61, { settledReceivedAt: new Date(now) })
    await heardOf('escalated', 61)
    await escalated('escalated', 'stalled', 1)
    await heardOf('given up', 1_001)
    assert.deepEqual(await overdue(), [])
  })

  it('finds those whose support was not told a second time, and only while it matters', async () => {
    await heardOf('untold', 61, { settledReceivedAt: new Date(now) })
    await escalated('untold', 'critical_bounce', 31)
    await heardOf('not yet', 61, { settledReceivedAt: new Date(now) })
    await escalated('not yet', 'critical_bounce', 29)
    await heardOf('resolved', 61, { settledReceivedAt: new Date(now) })
    await escalated('resolved', 'critical_bounce', 31, true)
    assert.deepEqual(await overdue(), ['untold'])
  })

  it('takes the longest overdue first, no more than asked for, and an email once', async () => {
    await heardOf('older', 80)
    await heardOf('newer', 70)
    await escalated('older', 'critical_complaint', 31)
    assert.deepEqual(await overdue(1), ['older'])
    assert.deepEqual(await overdue(), ['newer', 'older'])
  })
})
