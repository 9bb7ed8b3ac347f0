import assert from 'node:assert/strict'
import {
  forgetOldChanges,
  makeDigests,
  readFollowing,
  readHeldNotices,
  readMissedChanges,
  readPendingDigests,
  readShownMessage,
} from '../../src/db/notifications.ts'
import { useDatabase } from '../stack.ts'
import { describeBothPlannings } from './executed-plans.ts'

describe('on 20,000 notifications, of which ten wait or follow, the', () => {
  const stored = useDatabase()
  before(async () => {
    const { db } = stored
    await db.$executeRaw`
      INSERT INTO escalations (id, provider, email_id, reason, state, detail, opened_at, version)
      SELECT 'esc_' || n, 'aisend', 'em_' || n, 'stalled', 'acknowledged', '', now() - interval '1 hour', 2
      FROM generate_series(1, 20000) AS n`
    await db.$executeRaw`
      INSERT INTO notifications (escalation_id, notice, channel, held_until, shown_version)
      SELECT 'esc_' || n, 1, 'oncall', CASE WHEN n <= 5 THEN now() END, CASE WHEN n BETWEEN 6 AND 10 THEN 1 END
      FROM generate_series(1, 20000) AS n`
    await db.$executeRaw`ANALYZE escalations`
    await db.$executeRaw`ANALYZE notifications`
  })

  describeBothPlannings(
    () => stored.url,
    (explained) => {
      it('statements of digests and of missed changes read little, by their indexes', async () => {
        const plans = await explained().plansOf(async (db) => {
          await makeDigests(db, Date.now() - 60_000)
          await readPendingDigests(db)
          await readHeldNotices(db, { digest: 'none', channel: 'oncall' })
          await forgetOldChanges(db)
          assert.equal((await readMissedChanges(db, ['oncall'], 25)).length, 5)
          assert.deepEqual(await readFollowing(db, 'esc_7'), ['oncall'])
          await readShownMessage(db, { escalationId: 'esc_7', channel: 'oncall' })
        })
        assert.equal(plans.length, 7)
        assert.deepEqual(
          plans.flatMap(({ scanned }) => scanned),
          [],
        )
        for (const { rows } of plans) assert.ok(rows <= 20, `${rows}`)
      })
    },
  )
})
