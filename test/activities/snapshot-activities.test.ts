import assert from 'node:assert/strict'
import { createActivities } from '../../src/activities/create-activities.ts'
import type { LifecycleActivities } from '../../src/activities/lifecycle-activities.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { writeEscalation } from '../../src/db/escalations.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { emptySnapshot, foldEvents } from '../../src/domain/lifecycle.ts'
import { createMetrics } from '../../src/metrics.ts'
import { emailRow, store, storedSnapshot, unappliedIds } from '../db/stored.ts'
import { counted } from '../inbox/instance.ts'
import { useDatabase } from '../stack.ts'
import { failureOf, onAttempt, textOf } from './attempt.ts'

const email = { provider: 'aisend', emailId: 'em_1' }
const sent: LifecycleEvent = { id: 'evt_1', type: 'sent', occurredAt: 1_000, receivedAt: 2_000 }
const snapshot = foldEvents(emptySnapshot, [sent])
const input = { ...email, snapshot, expectedRevision: 0, eventIds: ['evt_1'], change: 'queued → sent, 1 event' }
const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 60_000,
  lingerAfterSettledMs: 1,
  giveUpAfterMs: 1,
}

describe('the snapshot activities', () => {
  const { db } = useDatabase('events, emails, escalations')
  let activities: LifecycleActivities
  const metrics = createMetrics(async () => ({ pending: 0, oldestSeconds: 0, escalationsOpen: 0 }))
  const activitiesOn = (on: Database) => createActivities({ db: on, channels: [], providerApis: new Map(), metrics })

  before(async () => {
    activities = activitiesOn(db)
  })
  beforeEach(() => db.$executeRaw`ALTER TABLE emails DROP CONSTRAINT IF EXISTS refusal`)

  it('save, and return the change for the history', async () => {
    await store(db, { id: 'evt_1' })
    const result = await onAttempt(1, () => activities.saveSnapshot(input))
    assert.deepEqual(result, { outcome: 'saved', change: input.change })
  })

  it('answer a stale save with the stored state, and the events that are applied', async () => {
    const nameless = { to: [], recipient: null }
    await store(db, { id: 'evt_1', ...nameless }, { id: 'evt_2', ...nameless })
    await onAttempt(1, () => activities.saveSnapshot(input))
    const escalation = openEscalation('stalled', 'No delivery was reported.', 5_000, policy)
    await writeEscalation(db, email, escalation)
    const repeat = { ...input, eventIds: ['evt_1', 'evt_2'] }
    const result = await onAttempt(1, () => activities.saveSnapshot(repeat))
    const stored = { snapshot, revision: 1, escalations: [{ ...escalation, version: 1 }] }
    assert.deepEqual(result, { outcome: 'stale', life: stored, appliedEventIds: ['evt_1'] })
    assert.deepEqual(await onAttempt(1, () => activities.loadLife(email)), stored)
  })

  it('load an email that was only registered, or is unknown, as empty', async () => {
    const unknown = { snapshot: emptySnapshot, revision: 0, escalations: [] }
    assert.deepEqual(await onAttempt(1, () => activities.loadLife(email)), unknown)
    await db.email.create({ data: { id: 'em_1', provider: 'aisend', priority: 'critical', registeredAt: new Date() } })
    assert.deepEqual(await onAttempt(1, () => activities.loadLife(email)), unknown)
  })

  it('retry what PostgreSQL rejects, and fail for good at the tenth attempt, by SQLSTATE and without a value', async () => {
    await store(db, { id: 'evt_1', to: ['ada@example.com'] })
    await db.$executeRaw`ALTER TABLE emails ADD CONSTRAINT refusal CHECK (recipients <> '{ada@example.com}')`
    for (const [attempt, isFinal] of [
      [1, false],
      [9, false],
      [10, true],
      [11, true],
    ] as const) {
      const failure = await failureOf(onAttempt(attempt, () => activities.saveSnapshot(input)))
      assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['SnapshotRejected', isFinal])
      assert.equal(failure.message, 'PostgreSQL rejected the statement with SQLSTATE 23514')
      assert.doesNotMatch(textOf(failure), /ada|em_1|evt_1/)
    }
    assert.deepEqual(await unappliedIds(db), ['evt_1'])
    assert.equal(await emailRow(db, email), null)
  })

  it('retry for as long as PostgreSQL is unavailable', async () => {
    const absent = createDatabase({ url: 'postgresql://nobody:secret@127.0.0.1:1/nothing' })
    for (const attempt of [1, 10, 100]) {
      const failure = await failureOf(onAttempt(attempt, () => activitiesOn(absent).saveSnapshot(input)))
      assert.deepEqual([failure.type, failure.nonRetryable ?? false], ['DatabaseUnavailable', false])
      assert.doesNotMatch(textOf(failure), /secret/)
    }
    await absent.$disconnect()
  })

  it('quarantine unapplied events, with the reason, and count each once', async () => {
    await store(db, { id: 'evt_1', type: 'opened' }, { id: 'evt_2' })
    const quarantine = {
      ...email,
      eventIds: ['evt_1'],
      reason: 'PostgreSQL rejected the statement with SQLSTATE 23514',
    }
    for (const attempt of [1, 2]) await onAttempt(attempt, () => activities.quarantineEvents(quarantine))
    const row = await db.event.findFirstOrThrow({ where: { eventId: 'evt_1' } })
    assert.deepEqual([row.quarantinedReason, row.appliedAt], [quarantine.reason, null])
    assert.equal(await counted(metrics, { outcome: 'quarantined', type: 'opened' }), 1)
    assert.deepEqual(await unappliedIds(db), ['evt_1', 'evt_2'])
    assert.equal(await storedSnapshot(db, email), null)
  })

  it('count quarantined events of unknown types as one type', async () => {
    await store(db, { id: 'evt_1', type: 'ada@example.com' })
    await onAttempt(1, () => activities.quarantineEvents({ ...email, eventIds: ['evt_1'], reason: 'broken' }))
    assert.equal(await counted(metrics, { outcome: 'quarantined', type: 'unknown' }), 1)
  })
})
