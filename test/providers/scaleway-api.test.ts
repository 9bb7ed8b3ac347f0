import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { createScalewayApi, type ScalewayApi } from '../../src/providers/scaleway/api.ts'
import { type ScalewayStandIn, startScalewayStandIn } from '../../src/stand-ins/scaleway.ts'
import { adapterOf } from './adapter.ts'
import { asked } from './api-stand-in.ts'
import { bounces, hour, start } from './arbitrary-histories.ts'
import { listOf, recordOf, sameIn } from './read-through.ts'

const uuid = (n: number) => `4ef9a417-02e9-4d39-ad75-${String(n).padStart(12, '0')}`
const recipient = 'ada@example.com'
const window = { from: start, to: start + hour }

describe('the Scaleway API', () => {
  let standIn: ScalewayStandIn
  let api: ScalewayApi

  beforeEach(async () => {
    standIn = await startScalewayStandIn({ clock: () => start + hour })
    api = createScalewayApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 1_000 })
  })
  afterEach(() => standIn.close())

  const add = (n: number, ...events: Parameters<ScalewayStandIn['addEvent']>[1][]) => {
    standIn.addEmail({
      emailId: uuid(n),
      to: [recipient],
      subject: 'Your order',
      sentAt: Math.max(start, ...events.map(({ at }) => at)),
    })
    for (const event of events) standIn.addEvent(uuid(n), event)
  }
  const fetchEvents = (n: number) => api.fetchEvents(asked(uuid(n)))
  const webhookEvents = (): ReceivedEvent[] =>
    standIn.webhooks().flatMap(({ body }) => adapterOf('scaleway').parse(Buffer.from(body), start, {}))
  const [gone, full, tried] = bounces

  it('reports the events of webhooks, asked about one email and about all, whatever has happened', async () => {
    const event = fc.record({
      type: fc.constantFrom('queued' as const, 'delivered' as const, 'bounced' as const),
      at: fc.integer({ min: start, max: start + hour - 1 }),
      bounce: fc.constantFrom(...bounces),
    })
    let n = 0
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 6 }), async (events) => {
        n += 1
        add(
          n,
          ...events.map(({ type, at, bounce }) => ({ type, at, recipient, ...(type === 'bounced' && { bounce }) })),
        )
        const posted = webhookEvents()
        const own = posted.filter(({ emailId }) => emailId === uuid(n))
        const answered = await fetchEvents(n)
        const isProven = ({ id }: ReceivedEvent) => id.startsWith('reconcile:')
        assert.deepEqual(sameIn(answered.filter((one) => !isProven(one))), sameIn(own))
        const lacking = own.some(({ type }) => type === 'queued') ? [] : ['queued']
        assert.deepEqual(
          answered.filter(isProven).map(({ type }) => type),
          lacking,
        )
        assert.deepEqual(sameIn(await recordOf(api.history, window)), sameIn(posted))
      }),
      { numRuns: 8 },
    )
  })

  it('asks with the secret key, and about no ID that Scaleway cannot have given', async () => {
    add(1, { type: 'delivered', recipient, at: start + 2 })
    await fetchEvents(1)
    assert.equal(standIn.requests[0]?.headers['x-auth-token'], standIn.apiKey)
    const count = standIn.requestCount()
    assert.deepEqual(await api.fetchEvents(asked('em/1')), [])
    assert.equal(standIn.requestCount(), count)
    assert.deepEqual(await fetchEvents(7), [])
  })

  const outcomes = [
    { last: { type: 'delivered' as const }, is: 'delivered' },
    { last: { type: 'bounced' as const, bounce: gone }, is: 'bounced hard true' },
    { last: { type: 'bounced' as const, bounce: full }, is: 'bounced soft true' },
    { last: { type: 'bounced' as const, bounce: tried }, is: 'bounced soft false' },
  ]
  for (const { last, is } of outcomes) {
    it(`learns that an email is ${is} from its status, where no webhook is set up`, async () => {
      standIn.setWebhookEvents(null)
      const delay = { type: 'bounced' as const, bounce: tried, recipient, at: start }
      add(1, delay, { ...last, recipient, at: start + 60_000 })
      const [queued, event, ...others] = await fetchEvents(1)
      assert.deepEqual([queued?.type, queued?.occurredAt, others], ['queued', start, []])
      const { type, bounce } = event ?? {}
      assert.equal([type, ...(bounce ? [bounce.class, bounce.isOver] : [])].join(' '), is)
      assert.deepEqual([event?.emailId, event?.recipient, event?.occurredAt], [uuid(1), recipient, start + 60_000])
      assert.match(event?.id ?? '', /^reconcile:/)
      assert.doesNotMatch(event?.payload ?? recipient, /ada@/)
      assert.deepEqual(sameIn(await recordOf(api.history, window)), sameIn(await fetchEvents(1)))
    })
  }

  it('reads the list of emails too where the webhook sends not every event, and its log to the end', async () => {
    standIn.setWebhookEvents(['email_delivered'])
    for (let n = 0; n < 150; n += 1) {
      add(n, {
        type: n < 140 ? 'delivered' : 'bounced',
        recipient,
        at: start + 1_000 + n,
        ...(n >= 140 && { bounce: gone }),
      })
    }
    const found = await recordOf(api.history, window)
    const ids = new Set(found.map(({ id }) => id))
    assert.equal(webhookEvents().filter(({ id, type }) => type === 'delivered' && ids.has(id)).length, 140)
    assert.equal(found.filter(({ type, id }) => type === 'bounced' && id.startsWith('reconcile:')).length, 10)
  })

  it('leaves out of a window what happened before and after it', async () => {
    add(1, { type: 'queued', recipient, at: start - 1 }, { type: 'delivered', recipient, at: start })
    add(2, { type: 'queued', recipient, at: start + hour - 1 }, { type: 'delivered', recipient, at: start + hour })
    for (const events of [['email_queued', 'email_delivered'], null]) {
      standIn.setWebhookEvents(events)
      const times = (await recordOf(api.history, window)).map(({ occurredAt }) => occurredAt)
      assert.deepEqual([...new Set(times)].sort(), [start, start + hour - 1])
    }
  })

  it('reads the blocklist but for what Scaleway blocks for 48 hours, and changes it once', async () => {
    const { suppressionLists: lists } = api
    standIn.suppress('Gone@example.com', 'hard_bounce')
    standIn.suppress('by-hand@example.com', 'manual')
    standIn.blockForAWhile('for-a-while@example.com')
    const read = async () => (await listOf(lists)).map(({ address, reason }) => `${address} ${reason}`).sort()
    assert.deepEqual(await read(), ['by-hand@example.com manual', 'gone@example.com hard_bounce'])
    const added = ['new@example.com', 'by-hand@example.com'].map((address) => ({
      address,
      reason: 'complaint' as const,
    }))
    assert.equal(await lists.writing?.add(added), 4)
    await lists.writing?.add(added)
    assert.deepEqual(
      (await read()).filter((entry) => entry.endsWith('manual')),
      ['by-hand@example.com manual', 'new@example.com manual'],
    )
    await lists.writing?.remove(['new@example.com', 'unknown@example.com'])
    await lists.writing?.remove(['new@example.com'])
    assert.deepEqual(await read(), ['by-hand@example.com manual', 'gone@example.com hard_bounce'])
  })

  it('reports a refused key, and counts an answer of another form as none', async () => {
    const refused = createScalewayApi({ apiUrl: standIn.apiUrl, apiKey: 'wrong' })
    await assert.rejects(refused.fetchEvents(asked(uuid(1))), ProviderRefusedError)
    await assert.rejects(recordOf(refused.history, window), /SCALEWAY_API_KEY/)
    standIn.setFaults({ failEvery: 1 })
    await assert.rejects(fetchEvents(1), ProviderUnreachableError)
  })
})
