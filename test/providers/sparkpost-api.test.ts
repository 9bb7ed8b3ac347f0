import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import {
  type ApiOptions,
  EmailRefusedError,
  type HistoryPage,
  type ListedAddress,
  ProviderRefusedError,
  ProviderUnreachableError,
} from '../../src/providers/provider-api.ts'
import { createSparkpostApi, type SparkpostApi } from '../../src/providers/sparkpost/api.ts'
import { type SparkpostStandIn, startSparkpostStandIn } from '../../src/stand-ins/sparkpost.ts'
import { adapterOf } from './adapter.ts'
import { arbitraryEmail, start } from './arbitrary-histories.ts'

const [hour, day] = [3_600_000, 86_400_000]
const emailId = '65832150921904138'
const [ada, bob, cyd] = ['ada@example.com', 'bob@example.com', 'cyd@example.com']

describe('the SparkPost API', () => {
  let standIn: SparkpostStandIn
  let api: SparkpostApi
  /** Webhooks have whole seconds. */
  let now: number

  beforeEach(async () => {
    now = Math.floor(Date.now() / 1_000) * 1_000
    standIn = await startSparkpostStandIn()
    standIn.addEmail({ emailId, to: [ada, bob], subject: 'Your invitation' })
    api = apiWith()
  })
  afterEach(() => standIn.close())

  const apiWith = (more: Partial<ApiOptions> = {}) =>
    createSparkpostApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 2_000, ...more })
  const ask = (id = emailId, since = now - day) => api.fetchEvents({ emailId: id, recipients: [], since })
  const deliver = (recipient: string, at = now - hour, id = emailId) =>
    standIn.addEvent(id, { type: 'delivered', recipient, at })
  /** What the webhooks become that the stand-in posts. */
  const webhookEvents = (): ReceivedEvent[] =>
    standIn.webhooks().flatMap(({ body }) => adapterOf('sparkpost').parse(Buffer.from(body), now, {}))

  async function wholeHistory(from: number, to: number): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = []
    for (let cursor: string | null = null; ; ) {
      const page: HistoryPage = await api.history.read({ from, to }, cursor)
      events.push(...page.events)
      if (page.next === null) return events
      cursor = page.next
    }
  }

  it('asks for the delivery events of one email, with the key alone as authorization', async () => {
    deliver(ada)
    const [event] = await ask()
    assert.deepEqual(
      [event?.type, event?.emailId, event?.recipient, event?.occurredAt],
      ['delivered', emailId, ada, now - hour],
    )
    const [request] = standIn.requests
    assert.equal(request?.headers.authorization, standIn.apiKey)
    assert.equal(request?.query.get('transmissions'), emailId)
  })

  it('reports the events of webhooks, which are then repeats, whatever the history of the emails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryEmail, { minLength: 1, maxLength: 3 }), async (emails) => {
        const own = await startSparkpostStandIn()
        const sparkpost = createSparkpostApi({ apiUrl: own.apiUrl, apiKey: own.apiKey, timeoutMs: 2_000 })
        try {
          for (const [index, { to, events }] of emails.entries()) {
            own.addEmail({ emailId: `${emailId}${index}`, to, subject: 'Your invitation' })
            for (const event of events) {
              const at = now - 2 * hour + Math.floor((event.at - start) / 1_000) * 1_000
              own.addEvent(`${emailId}${index}`, { ...event, at })
            }
          }
          const posted = own
            .webhooks()
            .flatMap(({ body }) => adapterOf('sparkpost').parse(Buffer.from(body), now, {}))
            .filter(({ type }) => type !== 'opened' && type !== 'clicked')
          for (const [index] of emails.entries()) {
            const asked = { emailId: `${emailId}${index}`, recipients: [], since: now - day }
            const expected = posted.filter((event) => event.emailId === asked.emailId)
            assert.deepEqual(sameIn(await sparkpost.fetchEvents(asked)), sameIn(expected))
          }
          const { events } = await sparkpost.history.read({ from: now - 2 * hour, to: now }, null)
          assert.deepEqual(sameIn(events), sameIn(posted))
        } finally {
          own.close()
        }
      }),
      { numRuns: 15 },
    )
  })

  it('reads the history of a window page by page, the end excluded, and no opens', async () => {
    const from = now - 2 * hour
    for (let index = 0; index < 1_040; index += 1) deliver(`r${index}@example.com`, from + index * 1_000)
    standIn.addEvent(emailId, { type: 'opened', recipient: ada, at: now - hour })
    const to = from + 1_030_000
    const expected = webhookEvents().filter(({ type, occurredAt }) => type === 'delivered' && occurredAt < to)
    assert.deepEqual(sameIn(await wholeHistory(from, to)), sameIn(expected))
    assert.equal(standIn.requests.length, 2)
    assert.equal((await wholeHistory(from + 500, from + 1_500)).length, 1)
  })

  it('reports nothing of another email, nothing that was not asked for, and nothing that a webhook is refused for', async () => {
    deliver(ada)
    for (const change of [{ transmission_id: '7' }, { type: 'open' }, { event_id: 'x'.repeat(300) }]) {
      standIn.setEntryChange((entry) => ({ ...entry, ...change }))
      assert.deepEqual(await ask(), [], JSON.stringify(change))
    }
  })

  it('asks for no time before the 10 days that SparkPost keeps', async () => {
    deliver(ada, now - 9 * day)
    assert.equal((await ask(emailId, now - 30 * day)).length, 1)
    const from = Date.parse(standIn.requests[0]?.query.get('from') ?? '')
    assert.ok(from > now - 10 * day, `${from}`)
  })

  it('reports a refused key, a rate limit, a refused question and another form of answer', async () => {
    deliver(ada)
    api = apiWith({ apiKey: 'wrong' })
    await assert.rejects(ask(), ProviderRefusedError)
    api = apiWith({ timeoutMs: 300 })
    standIn.setFaults({ rateLimit: 0 })
    await assert.rejects(ask(), (error) => error instanceof ProviderUnreachableError && error.isRateLimited)
    standIn.setFaults({})
    await assert.rejects(api.history.read({ from: now, to: now }, 'é'.repeat(9)), ProviderUnreachableError)
    standIn.setEntryChange((entry) => ({ ...entry, timestamp: 'yesterday' }))
    await assert.rejects(ask(), /does not match its documentation/)
  })

  describe('its suppression list', () => {
    async function readList(): Promise<ListedAddress[]> {
      const entries: ListedAddress[] = []
      for (let cursor: string | null = null; ; ) {
        const page: Awaited<ReturnType<typeof api.suppressionLists.read>> = await api.suppressionLists.read(cursor)
        entries.push(...page.entries)
        if (page.next === null) return entries
        cursor = page.next
      }
    }
    const listed = async () =>
      (await readList()).map(({ address, reason }) => `${address} ${reason}`).sort((a, b) => a.localeCompare(b))
    const created = '2026-11-30T12:00:00+00:00'

    it('is read to its end, with bounces and complaints of every kind, and else what holds for transactional emails', async () => {
      const manual = { source: 'List Unsubscribe', created }
      standIn.suppressions.push(
        { recipient: ada, type: 'non_transactional', source: 'Bounce Rule', created, subaccount_id: '146' },
        { recipient: bob, type: 'non_transactional', source: 'Spam Complaint', created, list_id: 'news.example.com' },
        { recipient: cyd, type: 'transactional', ...manual },
        { recipient: 'news@example.com', type: 'non_transactional', ...manual },
        { recipient: 'list@example.com', type: 'transactional', ...manual, list_id: 'news.example.com' },
      )
      assert.deepEqual(await listed(), [`${ada} hard_bounce`, `${bob} complaint`, `${cyd} manual`])
      assert.equal((await readList())[0]?.since, Date.UTC(2026, 10, 30, 12))
      for (let index = 0; index < 1_200; index += 1) standIn.suppress(`r${index}@example.com`, 'manual')
      assert.equal((await readList()).length, 1_203)
    })

    it('gets added addresses for both types of email, and loses removed ones in every account', async () => {
      const { writing } = api.suppressionLists
      assert.ok(writing)
      assert.equal(await writing.add([ada, bob].map((address) => ({ address, reason: 'manual' }))), 1)
      assert.deepEqual(
        standIn.suppressions.map(({ recipient, type }) => `${recipient} ${type}`),
        [ada, bob].flatMap((address) => [`${address} transactional`, `${address} non_transactional`]),
      )
      standIn.suppressions.push({ recipient: ada, type: 'transactional', source: 'x', created, subaccount_id: '146' })
      assert.equal(await writing.remove([ada, cyd]), 3 + 1)
      assert.deepEqual(await listed(), [`${bob} manual`])
    })

    it('keeps an address that its compliance team has added, which is no fault of the key', async () => {
      standIn.suppressions.push({ recipient: ada, type: 'transactional', source: 'Compliance', created })
      await assert.rejects(async () => api.suppressionLists.writing?.remove([ada]), EmailRefusedError)
    })
  })
})

/** What the event of a webhook and that of the API have in common, in one order. */
const sameIn = (events: readonly ReceivedEvent[]) =>
  events.map(({ payload, receivedAt, ...same }) => same).sort((a, b) => a.id.localeCompare(b.id))
