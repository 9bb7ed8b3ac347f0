import assert from 'node:assert/strict'
import { removeSuppression } from '../../src/db/suppressions.ts'
import type { ReceivedBounce, ReceivedEvent } from '../../src/domain/events.ts'
import { failureRulesVersion } from '../../src/domain/failure-rules.ts'
import { store } from '../db/stored.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

const dayMs = 24 * 3_600_000
const start = Date.UTC(2026, 10, 1, 12)

const unauthenticated: ReceivedBounce = {
  class: 'hard',
  code: '5.7.26',
  message: '550 5.7.26 Unauthenticated email from example.com is not accepted',
}
const noSuchUser: ReceivedBounce = { class: 'hard', code: '5.1.1', message: '550 5.1.1 No such user' }
const rateLimited: ReceivedBounce = { class: 'soft', code: '4.7.0', message: '421 4.7.0 Too many connections' }
const mailboxFull: ReceivedBounce = { class: 'soft', code: '4.2.2', message: '452 4.2.2 Mailbox full' }
const limit: ReceivedBounce = { class: 'hard', code: 'soft_bounce_limit', message: 'Soft bounces on 3 days' }

interface Rejudged {
  readonly judged: number
  readonly changed: number
  readonly changes: readonly { address: string; from: string; to: string; reason: string; rule: string | null }[]
  readonly nextCursor: string | null
}

describe('POST /v1/bounces/rejudge', () => {
  const { db } = useDatabase('emails, events, suppressions, email_recipients, retention_progress')
  const api = useApi(() => ({ db }))

  /** Stores an applied bounce of `ada@example.com` as a version without judgements did. */
  async function bounced(id: string, bounce: ReceivedBounce, parts: Partial<ReceivedEvent> = {}): Promise<void> {
    const at = parts.receivedAt ?? start
    await store(db, { id, emailId: `em_${id}`, type: 'bounced', bounce, occurredAt: at, receivedAt: at, ...parts })
    await db.$executeRaw`
      UPDATE events SET applied_at = received_at, failure_reason = NULL, failure_party = NULL, failure_is_final = NULL,
        failure_outcome = NULL, failure_rule = NULL, failure_evidence = NULL, failure_rules_version = NULL
      WHERE event_id = ${id}`
  }
  const suppressedBy = (eventId: string, reason = 'hard_bounce', address = 'ada@example.com') =>
    db.suppression.create({ data: { address, reason, provider: 'aisend', emailId: `em_${eventId}`, eventId } })
  const active = async () => {
    const rows = await db.suppression.findMany({ where: { removedAt: null }, orderBy: { address: 'asc' } })
    return rows.map(({ address, reason, eventId }) => `${address} ${reason} ${eventId ?? '–'}`)
  }
  async function rejudge(body: object = {}): Promise<Rejudged> {
    const response = await api.call('POST', '/v1/bounces/rejudge', body)
    assert.equal(response.status, 200)
    return (await response.json()) as Rejudged
  }
  const changesOf = ({ changes }: Rejudged) => changes.map((each) => `${each.address} ${each.from} → ${each.to}`)

  it('releases an address whose bounce is not held against it, and says why', async () => {
    await bounced('a', unauthenticated)
    await suppressedBy('a')
    const { changes, judged, changed } = await rejudge()
    assert.deepEqual([judged, changed], [1, 1])
    const [change] = changes
    assert.deepEqual(
      [change?.address, change?.from, change?.to, change?.reason],
      ['ada@example.com', 'suppressed', 'allowed', 'authentication'],
    )
    assert.deepEqual(await active(), [])
    const removed = await db.suppression.findFirstOrThrow()
    assert.equal(removed.removedBy, 'rejudge')
    assert.equal(removed.removalNote, `rule ${change?.rule}, version ${failureRulesVersion} of the rules`)
  })

  it('suppresses an address with a bounce that is held against it, under the event that caused it', async () => {
    await bounced('a', noSuchUser)
    assert.deepEqual(changesOf(await rejudge()), ['ada@example.com allowed → suppressed'])
    assert.deepEqual(await active(), ['ada@example.com hard_bounce a'])
    const { addedBy, emailId, note } = await db.suppression.findFirstOrThrow()
    assert.deepEqual([addedBy, emailId, note?.startsWith('rule ')], ['rejudge', 'em_a', true])
  })

  it('stores the judgement of each bounce with the version of the rules, also where nobody is suppressed', async () => {
    await bounced('a', unauthenticated, { recipient: null, to: ['ada@example.com', 'bob@example.com'] })
    await rejudge()
    const event = await db.event.findFirstOrThrow()
    assert.deepEqual(
      [event.failureReason, event.failureParty, event.failureOutcome, event.failureRulesVersion],
      ['authentication', 'sender', 'failed', failureRulesVersion],
    )
    assert.match(event.failureEvidence ?? '', /unauthenticated/i)
    await db.$executeRaw`UPDATE events SET failure_rules_version = 0`
    assert.equal((await rejudge()).changed, 1, 'judged by older rules')
  })

  it('changes nothing in a dry run, which answers what a run then does', async () => {
    await bounced('a', unauthenticated)
    await suppressedBy('a')
    await bounced('b', noSuchUser, { recipient: 'bob@example.com', to: ['bob@example.com'] })
    const tables = async () => JSON.stringify([await db.event.findMany(), await active()])
    const before = await tables()
    const preview = await rejudge({ dryRun: true })
    assert.equal(await tables(), before)
    assert.deepEqual(await rejudge(), preview)
    assert.equal(preview.changes.length, 2)
  })

  it('changes nothing the second time', async () => {
    await bounced('a', unauthenticated)
    await suppressedBy('a')
    await bounced('b', noSuchUser, { recipient: 'bob@example.com', to: ['bob@example.com'] })
    await rejudge()
    const rows = () => db.suppression.findMany({ orderBy: { id: 'asc' } })
    const before = await rows()
    const { judged, changed, changes } = await rejudge()
    assert.deepEqual([judged, changed, changes], [2, 0, []])
    assert.deepEqual(await rows(), before)
  })

  it('leaves alone what a person, an import or a complaint put on the list, and what names an event that is not stored', async () => {
    const others = ['bob', 'eve', 'mia', 'tom'].map((name) => `${name}@example.com`)
    for (const address of others) await bounced(address, unauthenticated, { recipient: address, to: [address] })
    const [bob, eve, mia, tom] = others as [string, string, string, string]
    await db.suppression.create({ data: { address: bob, reason: 'manual' } })
    await db.suppression.create({ data: { address: eve, reason: 'hard_bounce' } })
    await suppressedBy(mia, 'complaint', mia)
    await suppressedBy('dropped', 'hard_bounce', tom)
    assert.deepEqual((await rejudge()).changes, [])
    assert.equal((await active()).length, 4)
  })

  it('does not suppress again what a person has removed, but for later bounces', async () => {
    await bounced('a', noSuchUser)
    await bounced('b', noSuchUser, { receivedAt: start + 1_000 })
    await suppressedBy('a')
    await removeSuppression(db, 'default', 'ada@example.com', { by: 'eve', note: null })
    assert.deepEqual((await rejudge()).changes, [])
    assert.deepEqual(await active(), [])
    await bounced('later', noSuchUser, { receivedAt: Date.now() + 1_000 })
    assert.deepEqual(changesOf(await rejudge()), ['ada@example.com allowed → suppressed'])
    assert.deepEqual(await active(), ['ada@example.com hard_bounce later'])
  })

  it('suppresses again by the same bounce what an earlier judgement released, and both stay in the history', async () => {
    await bounced('a', noSuchUser)
    await suppressedBy('a')
    await db.suppression.updateMany({ data: { removedAt: new Date(), removedBy: 'rejudge' } })
    await rejudge()
    assert.deepEqual(await active(), ['ada@example.com hard_bounce a'])
    assert.equal(await db.suppression.count(), 2)
  })

  it('keeps an address suppressed by another bounce or complaint that came while it was suppressed', async () => {
    await bounced('a', unauthenticated)
    await bounced('later', noSuchUser, { receivedAt: start + 1_000 })
    await suppressedBy('a')
    const bob = { recipient: 'bob@example.com', to: ['bob@example.com'] }
    await bounced('b', unauthenticated, bob)
    await bounced('complaint', unauthenticated, { ...bob, type: 'complained', receivedAt: start + 1_000, bounce: null })
    await suppressedBy('b', 'hard_bounce', 'bob@example.com')
    const page = await rejudge()
    assert.deepEqual(changesOf(page).sort(), [
      'ada@example.com suppressed → suppressed',
      'bob@example.com suppressed → suppressed',
    ])
    assert.deepEqual(page.changes.map(({ reason }) => reason).sort(), ['complaint', 'unknown_recipient'])
    assert.deepEqual(await active(), ['ada@example.com hard_bounce later', 'bob@example.com complaint complaint'])
    assert.deepEqual((await rejudge()).changes, [])
  })

  it('finds bounces that name nobody by the only recipient of their email', async () => {
    await db.email.create({
      data: { id: 'em_a', provider: 'aisend', recipients: ['ada@example.com'], bouncedAt: new Date(start) },
    })
    await bounced('a', unauthenticated, { recipient: null, to: [] })
    await suppressedBy('a')
    assert.deepEqual(changesOf(await rejudge()), ['ada@example.com suppressed → allowed'])
  })

  describe('counts soft bounces again:', () => {
    const softOnDays = async (bounce: ReceivedBounce, ...days: number[]) => {
      for (const day of days) await bounced(`soft${day}`, bounce, { receivedAt: start + day * dayMs })
    }
    const atLimit = async (day: number) => {
      await bounced('limit', limit, { receivedAt: start + day * dayMs })
      await suppressedBy('limit', 'repeated_soft_bounces')
    }

    it('those that say nothing against the recipient release it', async () => {
      await softOnDays(rateLimited, 0, 1, 2)
      await atLimit(2)
      const { changes } = await rejudge()
      assert.deepEqual(
        changes.map(({ to, reason }) => `${to} ${reason}`),
        ['allowed rate_limited'],
      )
    })

    it('full mailboxes on three days keep it suppressed, and suppress it', async () => {
      await softOnDays(mailboxFull, 0, 1, 2)
      await atLimit(2)
      assert.deepEqual((await rejudge()).changes, [])
      await db.$executeRaw`DELETE FROM suppressions`
      await db.$executeRaw`DELETE FROM events WHERE event_id = 'limit'`
      assert.deepEqual(changesOf(await rejudge()), ['ada@example.com allowed → suppressed'])
      assert.match((await active())[0] ?? '', /repeated_soft_bounces soft/)
      assert.deepEqual((await rejudge()).changes, [])
    })

    it('they stay as they were counted if some of them are no longer stored', async () => {
      await softOnDays(rateLimited, 1, 2)
      await atLimit(2)
      assert.deepEqual((await rejudge()).changes, [])
    })
  })

  it('judges no event whose text was erased by age or at the request of its recipient', async () => {
    await bounced('a', unauthenticated)
    await rejudge()
    await db.$executeRaw`UPDATE events SET bounce_message = NULL, recipient = NULL, "to" = '{}'`
    assert.equal((await rejudge()).judged, 0)
    await bounced('b', noSuchUser)
    await db.retentionProgress.create({ data: { what: 'event_addresses', through: new Date(start + 1) } })
    assert.equal((await rejudge()).judged, 0)
  })

  it('leaves events that are not applied to their workflow', async () => {
    await bounced('a', noSuchUser)
    await db.$executeRaw`UPDATE events SET applied_at = NULL`
    assert.equal((await rejudge()).judged, 0)
    assert.deepEqual(await active(), [])
  })

  it('judges only bounces since a time', async () => {
    await bounced('a', noSuchUser)
    const since = (at: number) => ({ since: new Date(at).toISOString() })
    assert.equal((await rejudge(since(start + 1))).judged, 0)
    assert.equal((await rejudge(since(start))).judged, 1)
  })

  it('goes on after the last bounce of a page, and names each address once', async () => {
    for (let n = 0; n < 201; n++) {
      const address = `a${n % 150}@example.com`
      await bounced(`e${n}`, noSuchUser, { recipient: address, to: [address], receivedAt: start + n })
    }
    const first = await rejudge()
    assert.ok(first.nextCursor)
    const second = await rejudge({ cursor: first.nextCursor })
    assert.deepEqual([first.judged, second.judged, second.nextCursor], [200, 1, null])
    const addresses = [...first.changes, ...second.changes].map(({ address }) => address)
    assert.deepEqual([addresses.length, new Set(addresses).size], [150, 150])
  })

  it('completes what an interrupted run has left', async () => {
    for (let n = 0; n < 201; n++) await bounced(`e${n}`, unauthenticated, { receivedAt: start + n })
    await suppressedBy('e0')
    await rejudge()
    assert.deepEqual(await active(), ['ada@example.com hard_bounce e0'], 'decided with the last bounce')
    const { nextCursor } = await rejudge()
    assert.deepEqual(changesOf(await rejudge({ cursor: nextCursor })), ['ada@example.com suppressed → allowed'])
  })

  it('refuses an invalid body', async () => {
    for (const body of [{ dryRun: 'yes' }, { since: '30d' }, { cursor: 'x' }, []]) {
      const { status } = await problemIn(await api.call('POST', '/v1/bounces/rejudge', body))
      assert.equal(status, 400)
    }
  })
})
