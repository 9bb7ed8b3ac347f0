import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { type BrevoApi, createBrevoApi } from '../../src/providers/brevo/api.ts'
import {
  type ApiOptions,
  type HistoryPage,
  type ListedAddress,
  ProviderRefusedError,
  ProviderUnreachableError,
} from '../../src/providers/provider-api.ts'
import { type BrevoStandIn, startBrevoStandIn } from '../../src/stand-ins/brevo.ts'
import { adapterOf } from './adapter.ts'
import { startApiStandIn } from './api-stand-in.ts'
import { arbitraryEmail, start } from './arbitrary-histories.ts'

const [second, hour, day] = [1_000, 3_600_000, 86_400_000]
const emailId = '202611301437.85220493321@smtp-relay.mailin.fr'
const [ada, bob, cyd] = ['ada@example.com', 'bob@example.com', 'cyd@example.com']

describe('the Brevo API', () => {
  let standIn: BrevoStandIn
  let api: BrevoApi
  let now: number

  beforeEach(async () => {
    now = Date.now()
    standIn = await startBrevoStandIn()
    standIn.addEmail({ emailId, to: [ada, bob], subject: 'Your invitation' })
    api = apiWith()
  })
  afterEach(() => standIn.close())

  const apiWith = (more: Partial<ApiOptions> = {}) =>
    createBrevoApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 2_000, ...more })
  const ask = (id = emailId, since = now - day) => api.fetchEvents({ emailId: id, recipients: [], since })
  const deliver = (recipient: string, at = now - hour) =>
    standIn.addEvent(emailId, { type: 'delivered', recipient, at })
  const delay = (at: number, message: string) =>
    standIn.addEvent(emailId, {
      ...{ type: 'bounced', recipient: ada, at },
      bounce: { class: 'soft', code: null, message, isOver: false },
    })

  async function wholeHistory(from: number, to: number): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = []
    for (let cursor: string | null = null; ; ) {
      const page: HistoryPage = await api.history.read({ from, to }, cursor)
      events.push(...page.events)
      if (page.next === null) return events
      cursor = page.next
    }
  }

  it('asks for the events of one email by its ID in angle brackets, with the key in its header', async () => {
    deliver(ada)
    const [event] = await ask()
    assert.deepEqual(
      [event?.type, event?.emailId, event?.recipient, event?.occurredAt, event?.subject],
      ['delivered', emailId, ada, now - hour, 'Your invitation'],
    )
    const [request] = standIn.requests
    assert.equal(request?.headers['api-key'], standIn.apiKey)
    assert.equal(request?.query.get('messageId'), `<${emailId}>`)
  })

  it('reports the events of webhooks but delays, which are then repeats, though Brevo dates them a second apart', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryEmail, { minLength: 1, maxLength: 3 }), async (emails) => {
        const own = await startBrevoStandIn()
        own.setEntryChange((entry) => ({ ...entry, date: secondLater(entry) }))
        const brevo = createBrevoApi({ apiUrl: own.apiUrl, apiKey: own.apiKey, timeoutMs: 2_000 })
        try {
          for (const [index, { to, events }] of emails.entries()) {
            own.addEmail({ emailId: `${index}${emailId}`, to, subject: 'Your invitation' })
            for (const event of events) {
              own.addEvent(`${index}${emailId}`, { ...event, at: now - 2 * hour + event.at - start })
            }
          }
          const posted = own
            .webhooks()
            .flatMap(({ body }) => adapterOf('brevo').parse(Buffer.from(body), now, {}))
            .filter(({ type }) => !['opened', 'clicked'].includes(type))
          for (const [index] of emails.entries()) {
            const asked = { emailId: `${index}${emailId}`, recipients: [], since: now - day }
            const expected = posted.filter((event) => event.emailId === asked.emailId)
            assert.deepEqual(sameIn(await brevo.fetchEvents(asked)), sameIn(expected))
          }
          const { events } = await brevo.history.read({ from: now - 3 * hour, to: now }, null)
          assert.deepEqual(sameIn(events), sameIn(posted))
        } finally {
          own.close()
        }
      }),
      { numRuns: 15 },
    )
  })

  it('reports the newest of the delays for a recipient, under an identity that is the same in every answer', async () => {
    delay(now - 2 * hour, '450 first')
    const [first] = await ask()
    delay(now - hour, '451 second')
    const [second, ...others] = await ask()
    assert.deepEqual([others, second?.id], [[], first?.id])
    assert.deepEqual([second?.bounce?.isOver, second?.bounce?.message], [false, '451 second'])
    assert.match(second?.id ?? '', /^reconcile:/)
  })

  it('reads the history of a window page by page, the end excluded, in days until now or of that time', async () => {
    for (let index = 0; index < 2_600; index += 1) deliver(`r${index}@example.com`, now - 4 * hour + index * second)
    const [from, to] = [now - 4 * hour + 10 * second, now - 4 * hour + 2_590 * second]
    assert.equal(new Set((await wholeHistory(from, to)).map(({ recipient }) => recipient)).size, 2_580)
    assert.deepEqual(
      standIn.requests.map(({ query }) => [query.get('days'), query.get('offset')]),
      [
        ['2', '0'],
        ['2', '2500'],
      ],
    )
    deliver(bob, now - 30 * day)
    assert.deepEqual(
      (await wholeHistory(now - 30 * day - hour, now - 30 * day + hour)).map(({ recipient }) => recipient),
      [bob],
    )
  })

  it('reports nothing of another email, and nothing that is no delivery event', async () => {
    deliver(ada)
    for (const change of [{ messageId: '<7@mailin.fr>' }, { event: 'loadedByProxy' }, { event: 'new' }]) {
      standIn.setEntryChange((entry) => ({ ...entry, ...change }))
      assert.deepEqual(await ask(), [], JSON.stringify(change))
    }
  })

  it('asks for no more than the 90 days that Brevo answers', async () => {
    deliver(ada, now - 80 * day)
    assert.equal((await ask(emailId, now - 300 * day)).length, 1)
  })

  it('reports a refused key, a rate limit with the time to wait, and another form of answer', async () => {
    deliver(ada)
    standIn.setEntryChange((entry) => ({ ...entry, date: 'yesterday' }))
    await assert.rejects(ask(), /does not match its documentation/)
    api = apiWith({ apiKey: 'wrong' })
    await assert.rejects(ask(), ProviderRefusedError)
    const limited = await startApiStandIn()
    limited.answerWith(429, {}, { 'x-sib-ratelimit-reset': '1700' })
    api = apiWith({ apiUrl: limited.apiUrl })
    await assert.rejects(
      ask(),
      (error) => error instanceof ProviderUnreachableError && error.isRateLimited && error.retryAfterMs === 1_700_000,
    )
    limited.close()
  })

  it('has a list of blocked contacts, read to its end: bounces and complaints, and whom a person has blocked for all senders', async () => {
    standIn.block(ada, 'hardBounce', 'news@example.com')
    standIn.block(bob, 'contactFlaggedAsSpam')
    standIn.block(cyd, 'adminBlocked')
    standIn.block('one-sender@example.com', 'adminBlocked', 'news@example.com')
    for (const code of ['unsubscribedViaEmail', 'unsubscribedViaApi', 'new']) standIn.block('gone@example.com', code)
    for (let index = 0; index < 230; index += 1) standIn.suppress(`r${index}@example.com`, 'hard_bounce')
    const entries: ListedAddress[] = []
    for (let cursor: string | null = null; ; ) {
      const page: Awaited<ReturnType<typeof api.suppressionLists.read>> = await api.suppressionLists.read(cursor)
      entries.push(...page.entries)
      if (page.next === null) break
      cursor = page.next
    }
    assert.deepEqual(
      entries.slice(0, 3).map(({ address, reason }) => [address, reason]),
      [
        [ada, 'hard_bounce'],
        [bob, 'complaint'],
        [cyd, 'manual'],
      ],
    )
    assert.equal(entries.length, 233)
    assert.equal(api.suppressionLists.writing, undefined)
  })
})

const secondLater = (entry: object): string =>
  new Date(Date.parse('date' in entry ? String(entry.date) : '') + second).toISOString()

/** The identity and the facts of events but delays, each once, in one order. */
const sameIn = (events: readonly ReceivedEvent[]) =>
  [...new Map(events.map((event) => [event.id, event])).values()]
    .filter(({ bounce }) => bounce?.isOver !== false)
    .map(({ id, type, emailId: of, recipient, subject, bounce }) => ({ id, type, of, recipient, subject, bounce }))
    .sort((a, b) => a.id.localeCompare(b.id))
