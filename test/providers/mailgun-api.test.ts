import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createMailgunApi, type MailgunApi } from '../../src/providers/mailgun/api.ts'
import type { ApiOptions, HistoryPage, ListedAddress } from '../../src/providers/provider-api.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { type MailgunStandIn, standInDomain, startMailgunStandIn } from '../../src/stand-ins/mailgun.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from './adapter.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
const emailId = '20261130100000.1.ABC@mg.example.com'
const email = { emailId, to: ['ada@example.com', 'grace@example.com'], subject: 'Your invitation' }

describe('the Mailgun API', () => {
  let standIn: MailgunStandIn
  let api: MailgunApi
  let now: number

  beforeEach(async () => {
    now = Date.now()
    standIn = await startMailgunStandIn()
    api = apiWith()
  })
  afterEach(() => standIn.close())

  const apiWith = (more: Partial<ApiOptions> = {}) =>
    createMailgunApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 2_000, ...more })
  const ask = (id = emailId, since = now - day) => api.fetchEvents({ emailId: id, recipients: [], since })
  const add = (...events: StandInEvent[]) => {
    for (const event of events) standIn.addEvent(emailId, event)
  }

  /** What the webhooks become that the stand-in posts. */
  const webhookEvents = (): ReceivedEvent[] =>
    standIn.webhooks().flatMap(({ body }) => adapterOf('mailgun').parse(Buffer.from(body), now, {}))

  const wholeHistory = async (from: number, to: number): Promise<ReceivedEvent[]> => {
    const events: ReceivedEvent[] = []
    let cursor: string | null = null
    do {
      const page: HistoryPage = await api.history.read({ from, to }, cursor)
      events.push(...page.events)
      cursor = page.next
    } while (cursor !== null)
    return events
  }

  describe('about one email', () => {
    it('asks the logs for its delivery events, with the key as basic authentication', async () => {
      standIn.addEmail(email)
      add({ type: 'delivered', recipient: 'ada@example.com', at: now - hour })
      const [event] = await ask()
      assert.deepEqual(
        [event?.type, event?.emailId, event?.recipient, event?.occurredAt],
        ['delivered', emailId, 'ada@example.com', now - hour],
      )
      const [request] = standIn.requests
      assert.deepEqual([request?.method, request?.path], ['POST', '/v1/analytics/logs'])
      assert.equal(request?.headers.authorization, `Basic ${btoa(`api:${standIn.apiKey}`)}`)
    })

    it('reports the events of webhooks, which are then repeats, whatever the history of the email', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(histories(), { minLength: 1, maxLength: 3 }), async (emails) => {
          const own = await startMailgunStandIn()
          try {
            const mailgun = createMailgunApi({ apiUrl: own.apiUrl, apiKey: own.apiKey, timeoutMs: 2_000 })
            for (const { events, ...made } of emails) {
              own.addEmail(made)
              for (const { ago, ...event } of events) own.addEvent(made.emailId, { ...event, at: now - ago })
            }
            const posted = own
              .webhooks()
              .flatMap(({ body }) => adapterOf('mailgun').parse(Buffer.from(body), now, {}))
              .filter(({ type }) => type !== 'opened' && type !== 'clicked')
            for (const { emailId: id } of emails) {
              const answered = await mailgun.fetchEvents({ emailId: id, recipients: [], since: now - 29 * day })
              assert.deepEqual(sameIn(answered), sameIn(posted.filter((event) => event.emailId === id)))
            }
          } finally {
            own.close()
          }
        }),
        { numRuns: 40 },
      )
    })

    it('is played by a stand-in whose webhooks are accepted', async () => {
      const secret = 'key-of-the-tests'
      const signing = await startMailgunStandIn({ webhookSecret: secret })
      signing.addEmail(email)
      signing.addEvent(emailId, { type: 'queued', recipient: null, at: now })
      const requests = signing.webhooks()
      signing.close()
      assert.equal(requests.length, 2)
      for (const { body, headers } of requests) {
        assert.equal(await adapterOf('mailgun').verify(Buffer.from(body), headers, [secret]), true)
      }
    })

    it('reads all pages, and leaves out opens and clicks', async () => {
      standIn.addEmail(email)
      for (let index = 0; index < 250; index += 1) {
        add({ type: index % 5 === 0 ? 'opened' : 'queued', recipient: `r${index}@example.com`, at: now - hour + index })
      }
      assert.deepEqual(sameIn(await ask()), sameIn(webhookEvents().filter(({ type }) => type === 'queued')))
      assert.equal(standIn.requests.length, 3)
    })

    it('reads the newest thousand entries of an email with more', async () => {
      standIn.addEmail(email)
      for (let index = 0; index < 1_050; index += 1) {
        add({ type: 'queued', recipient: `r${index}@example.com`, at: now - hour + index })
      }
      const events = await ask()
      assert.deepEqual([events.length, events[0]?.recipient], [1_000, 'r50@example.com'])
    })

    it('reports no events of an email that Mailgun does not know', async () => {
      assert.deepEqual(await ask('unknown@mg.example.com'), [])
    })

    it('reports no events of another email, should Mailgun answer with them', async () => {
      standIn.addEmail(email)
      add({ type: 'delivered', recipient: 'ada@example.com', at: now - hour })
      standIn.setEntryChange((entry) => ({ ...entry, message: { headers: { 'message-id': 'other@mg.example.com' } } }))
      assert.deepEqual(await ask(), [])
    })

    it('reads a message ID in angle brackets as the email ID', async () => {
      standIn.addEmail(email)
      add({ type: 'delivered', recipient: 'ada@example.com', at: now - hour })
      standIn.setEntryChange((entry) => ({ ...entry, message: { headers: { 'message-id': `<${emailId}>` } } }))
      assert.equal((await ask())[0]?.emailId, emailId)
    })

    it('reports a rejection as over, without the reason that only its webhook has', async () => {
      standIn.addEmail(email)
      add({ type: 'queued', recipient: 'ada@example.com', at: now - hour })
      standIn.setEntryChange((entry) => ({ ...entry, event: 'rejected' }))
      const [event] = await ask()
      assert.deepEqual([event?.type, event?.bounce?.isOver, event?.bounce?.class], ['bounced', true, 'soft'])
      assert.equal(event?.bounce?.message, null)
    })

    it('asks for no time before the 30 days that Mailgun keeps', async () => {
      standIn.addEmail(email)
      add({ type: 'delivered', recipient: 'ada@example.com', at: now - 29 * day })
      assert.equal((await ask(emailId, now - 90 * day)).length, 1)
    })

    it('reports an event when Mailgun shows it', async () => {
      let time = now
      const late = await startMailgunStandIn({ clock: () => time })
      late.setFaults({ delayMs: 10 * minute })
      late.addEmail(email)
      late.addEvent(emailId, { type: 'delivered', recipient: 'ada@example.com', at: now - minute })
      const asked = () =>
        createMailgunApi({ apiUrl: late.apiUrl, apiKey: late.apiKey }).fetchEvents({
          ...{ emailId, recipients: [], since: now - hour },
        })
      assert.deepEqual(await asked(), [])
      time = now + 10 * minute
      assert.equal((await asked()).length, 1)
      late.close()
    })
  })

  describe('its history', () => {
    beforeEach(() => standIn.addEmail(email))

    it('holds the delivery events of a window once, page by page, the end excluded', async () => {
      const start = now - 2 * hour
      for (let index = 0; index < 320; index += 1) {
        add({ type: 'delivered', recipient: `r${index}@example.com`, at: start + index * 1_000 + 250 })
      }
      const [from, to] = [start + 10_250, start + 300_250]
      const inWindow = webhookEvents().filter(({ occurredAt }) => occurredAt >= from && occurredAt < to)
      assert.equal(inWindow.length, 290)
      assert.deepEqual(sameIn(await wholeHistory(from, to)), sameIn(inWindow))
    })

    it('leaves out opens, received messages, entries without a message ID, and what a webhook would be refused for', async () => {
      add(
        { type: 'opened', recipient: 'ada@example.com', at: now - hour },
        { type: 'delivered', recipient: 'ada@example.com', at: now - hour },
        { type: 'delivered', recipient: 'grace@example.com', at: now - hour },
      )
      for (const change of [
        { routes: { id: 'r1', expression: 'catch_all()' } },
        { flags: { 'is-routed': true } },
        { message: undefined },
        { id: 'x'.repeat(300) },
      ]) {
        standIn.setEntryChange((entry) =>
          'recipient' in entry && entry.recipient === 'grace@example.com' ? { ...entry, ...change } : entry,
        )
        const recipients = (await wholeHistory(now - day, now)).map(({ recipient }) => recipient)
        assert.deepEqual(recipients, ['ada@example.com'], JSON.stringify(change))
      }
    })

    it('cannot be read beyond the time for which the plan keeps logs', async () => {
      await assert.rejects(
        api.history.read({ from: now - 31 * day, to: now }, null),
        (error) => error instanceof ProviderUnreachableError && /refuses the question with 400/.test(error.message),
      )
    })
  })

  describe('its suppression lists', () => {
    const readLists = async (domains: readonly string[]): Promise<ListedAddress[]> => {
      const lists = apiWith({ domains }).suppressionLists
      assert.ok(lists)
      const entries: ListedAddress[] = []
      let cursor: string | null = null
      do {
        const page: Awaited<ReturnType<typeof lists.read>> = await lists.read(cursor)
        entries.push(...page.entries)
        cursor = page.next
      } while (cursor !== null)
      return entries
    }

    it('are read to their ends: bounces, complaints and unsubscribes from all emails', async () => {
      const bounced = Array.from({ length: 700 }, (_, index) => `b${index}+x@example.com`)
      for (const address of bounced) standIn.suppress(address, 'hard_bounce')
      standIn.suppress('complained@example.com', 'complaint')
      standIn.suppress('gone@example.com', 'manual')
      standIn.unsubscribeFromTags('news@example.com', ['news'])
      const entries = await readLists([standInDomain])
      const addressesOf = (reason: string) =>
        entries.filter((entry) => entry.reason === reason).map(({ address }) => address)
      assert.deepEqual(addressesOf('hard_bounce').sort(), bounced.sort())
      assert.deepEqual(addressesOf('complaint'), ['complained@example.com'])
      assert.deepEqual(addressesOf('manual'), ['gone@example.com'])
      assert.equal(entries.length, 702)
      const since = entries[0]?.since ?? 0
      assert.ok(Math.abs(since - now) < 5_000, `${since}`)
    })

    it('are asked for at the configured host, whatever host the pages name', async () => {
      standIn.suppress('a@example.com', 'hard_bounce')
      await readLists([standInDomain])
      // Each list, and for the first one the empty page at its end.
      assert.deepEqual(
        standIn.requests.map(({ path }) => path.split('/').at(-1)),
        ['bounces', 'bounces', 'complaints', 'unsubscribes'],
      )
    })

    it('are not offered without domains', () => {
      assert.equal(api.suppressionLists, undefined)
    })

    it('cannot be read of a domain that Mailgun does not know', async () => {
      await assert.rejects(readLists(['other.example.com']), ProviderRefusedError)
    })
  })

  describe('when it does not answer as documented', () => {
    it('reports a refused key', async () => {
      api = apiWith({ apiKey: 'wrong' })
      await assert.rejects(ask(), ProviderRefusedError)
    })

    it('reports a rate limit with the time to wait', async () => {
      api = apiWith({ timeoutMs: 200 })
      standIn.setFaults({ rateLimit: 0 })
      await assert.rejects(ask(), (error) => {
        assert.ok(error instanceof ProviderUnreachableError)
        return error.isRateLimited && error.retryAfterMs === 1_000
      })
    })

    it('repeats a question that failed once', async () => {
      standIn.addEmail(email)
      add({ type: 'delivered', recipient: 'ada@example.com', at: now - hour })
      standIn.setFaults({ failEvery: 2 })
      await ask()
      assert.equal((await ask()).length, 1)
    })

    it('gives up on an answer that takes too long', async () => {
      api = apiWith({ timeoutMs: 100 })
      standIn.setFaults({ slowMs: 400 })
      await assert.rejects(ask(), ProviderUnreachableError)
    })

    it('counts another form of answer as no answer', async () => {
      standIn.addEmail(email)
      add({ type: 'delivered', recipient: 'ada@example.com', at: now - hour })
      for (const change of [{ id: undefined }, { event: 7 }, { '@timestamp': 'yesterday' }]) {
        standIn.setEntryChange((entry) => ({ ...entry, ...change }))
        await assert.rejects(ask(), /does not match its documentation/, JSON.stringify(change))
      }
    })
  })
})

/** What the event of a webhook and that of the API have in common, in one order. */
const sameIn = (events: readonly ReceivedEvent[]) =>
  events.map(({ payload, receivedAt, ...same }) => same).sort((a, b) => a.id.localeCompare(b.id))

/** Emails with histories of the last 28 days. */
function histories() {
  const recipients = ['ada@example.com', 'Grace@Example.com', 'zoë@bücher.example']
  const bounces = fc.record({
    class: fc.constantFrom('hard' as const, 'soft' as const),
    code: fc.constantFrom('5.1.1', '5.7.1', '4.2.2', null),
    message: fc.constantFrom('550 5.1.1 no such user', '452 4.2.2 mailbox full', null),
    isOver: fc.boolean(),
  })
  const event = fc
    .record({
      type: fc.constantFrom('queued', 'delivered', 'bounced', 'complained', 'opened', 'clicked'),
      recipient: fc.constantFrom(...recipients, null),
      ago: fc.integer({ min: 0, max: 28 * day }),
      bounce: bounces,
    })
    .map(({ bounce: made, type, ...rest }) => ({ ...rest, type, ...(type === 'bounced' && { bounce: made }) }))
  return fc.record({
    emailId: fc.uuid().map((id) => `${id}@mg.example.com`),
    to: fc.subarray(recipients, { minLength: 1 }),
    subject: fc.string({ unit: 'grapheme', maxLength: 40 }),
    events: fc.array(event, { maxLength: 12 }),
  })
}
