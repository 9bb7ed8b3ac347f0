import assert from 'node:assert/strict'
import { findEmailsBySubject, readPayload } from '../../src/db/dashboard-read.ts'
import { type ExecutedPlan, ExplainedDatabase } from '../db/executed-plans.ts'
import { useDatabase } from '../stack.ts'

const rows = 60_000

describe('the search for subjects, on 60,000 emails', () => {
  const database = useDatabase()
  let explained: ExplainedDatabase

  before(async () => {
    await database.db.$executeRaw`
      INSERT INTO emails (id, provider, subject, created_at)
      SELECT 'em_' || n, 'aisend', 'Newsletter ' || n || CASE WHEN n % 20000 = 0 THEN ' for a rarity' ELSE '' END,
             now() - n * interval '1 second'
      FROM generate_series(1, ${rows}) AS n`
    await database.db.$executeRaw`VACUUM ANALYZE emails`
    explained = new ExplainedDatabase(database.url, 'force_generic_plan')
  })
  after(() => explained.close())

  const find = async (...words: string[]) => {
    let ids: string[] = []
    const plans = await explained.plansOf(async (db) => {
      ids = (await findEmailsBySubject(db, words, {}, null, 51)).map(({ id }) => id)
    })
    return { ids, plans }
  }
  const assertFewRows = (plans: readonly ExecutedPlan[]) => {
    for (const plan of plans) {
      assert.deepEqual(plan.scanned, [])
      assert.ok(plan.rows <= 5_000, `${plan.rows} rows`)
    }
  }

  it('finds a frequent word among the newest, and stops there', async () => {
    const { ids, plans } = await find('newsletter')
    assert.deepEqual(ids.slice(0, 2), ['em_1', 'em_2'])
    assert.equal(plans.length, 1)
    assert.deepEqual(plans[0]?.indexes, ['emails_created_at_id_provider_idx'])
    assertFewRows(plans)
  })

  it('finds a rare word by its index, newest first', async () => {
    const { ids, plans } = await find('rari', 'newsl')
    assert.deepEqual(ids, ['em_20000', 'em_40000', 'em_60000'])
    assert.deepEqual(plans.at(-1)?.indexes, ['emails_subject_words'])
    assertFewRows(plans)
  })

  it('reads a payload by its key', async () => {
    const [plan] = await explained.plansOf((db) => readPayload(db, { provider: 'aisend', id: 'evt_1' }))
    assert.deepEqual([plan?.indexes, plan?.scanned], [['events_pkey'], []])
  })
})
