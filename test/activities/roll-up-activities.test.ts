import assert from 'node:assert/strict'
import { createRollUpActivities } from '../../src/activities/roll-up-activities.ts'
import type { Database } from '../../src/db/database.ts'
import { ownTemplate, type TestDatabase, testDatabase } from '../stack.ts'
import { failureOf, onAttempt } from './attempt.ts'

const provider = 'aisend'
const hourMs = 3_600_000

describe('a run of the roll-ups', () => {
  let database: TestDatabase
  let db: Database
  let template: string
  before(async () => {
    template = await ownTemplate()
  })
  beforeEach(async () => {
    database = await testDatabase(template)
    db = database.db
    await db.email.create({
      data: { id: 'em_1', provider, opensTotal: 1, opensHuman: 1, createdAt: new Date(Date.now() - 5 * hourMs) },
    })
    await db.$executeRaw`UPDATE email_changes SET at = now() - interval '2 hours'`
  })
  afterEach(() => database.drop())

  const run = () => onAttempt(1, createRollUpActivities({ db }).rollUpAnalytics)

  it('rolls hours up, and prunes the log of changes', async () => {
    assert.deepEqual(await run(), { hours: 1 })
    assert.equal(await db.analyticsRollup.count({ where: { dimension: 'all', grain: 'hour' } }), 1)
    assert.equal(await db.emailChange.count(), 0)
  })

  it('prunes also when the roll-up fails', async () => {
    await db.$executeRaw`ALTER TABLE analytics_rollups RENAME TO lost`
    assert.equal((await failureOf(run())).type, 'RollUpRejected')
    assert.equal(await db.emailChange.count(), 0)
  })

  it('rolls up also when judging opens fails', async () => {
    await db.$executeRaw`ALTER TABLE events RENAME COLUMN machine_reason TO lost`
    assert.equal((await failureOf(run())).type, 'RollUpRejected')
    assert.equal(await db.analyticsRollup.count({ where: { dimension: 'all', grain: 'hour' } }), 1)
  })
})
