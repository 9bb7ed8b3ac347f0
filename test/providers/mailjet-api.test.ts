import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createMailjetApi } from '../../src/providers/mailjet/api.ts'
import type { ApiOptions, HistoryPage } from '../../src/providers/provider-api.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { type MailjetStandIn, startMailjetStandIn } from '../../src/stand-ins/mailjet.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from './adapter.ts'

const [second, minute, hour] = [1_000, 60_000, 3_600_000]
const start = Date.UTC(2026, 10, 30, 10)
/** Of 64 bits: JavaScript reads it as 19421777835146490000. */
const emailId = '19421777835146490123'
const email = { emailId, to: ['Ada@Example.com'], subject: 'Your invitation', sentAt: start }
const bounceOf = (bounceClass: 'hard' | 'soft', isOver: boolean): Partial<StandInEvent> => ({
  type: 'bounced',
  bounce: { class: bounceClass, isOver, code: '5.1.1', message: isOver ? '550 5.1.1 no such user' : 'greylisted' },
})
const [hard, soft, delay] = [bounceOf('hard', true), bounceOf('soft', true), bounceOf('soft', false)]

describe('the API of Mailjet', () => {
  let standIn: MailjetStandIn
  let api: ReturnType<typeof createMailjetApi>

  beforeEach(async () => {
    standIn = await startMailjetStandIn()
    standIn.addEmail(email)
    api = apiWith()
  })
  afterEach(() => standIn.close())

  const apiWith = (more: Partial<ApiOptions> = {}) =>
    createMailjetApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 2_000, ...more })
  const ask = (id = emailId) => api.fetchEvents({ emailId: id, recipients: [], since: start })
  const add = (id: string, events: readonly Partial<StandInEvent>[]) => {
    for (const [index, event] of events.entries()) {
      const at = start + (index + 1) * minute
      standIn.addEvent(id, { type: 'delivered', recipient: 'Ada@Example.com', at, ...event })
    }
  }
  /** What the webhooks become that the stand-in posts, but for delays and opens. */
  const posted = (id = emailId): ReceivedEvent[] =>
    standIn
      .webhooks()
      .flatMap(({ body }) => adapterOf('mailjet').parse(Buffer.from(body), start, {}))
      .filter(({ emailId: of, type, bounce }) => of === id && type !== 'opened' && bounce?.isOver !== false)
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
    it('answers its events with their times, recipient and subject, for every digit of its ID', async () => {
      add(emailId, [{}, { type: 'opened' }, { type: 'complained' }])
      const [delivered, complained, ...others] = await ask()
      assert.deepEqual(others, [])
      assert.deepEqual([delivered?.type, delivered?.occurredAt], ['delivered', start + minute])
      assert.deepEqual([delivered?.emailId, delivered?.recipient], [emailId, 'ada@example.com'])
      assert.equal(delivered?.subject, email.subject)
      assert.deepEqual([complained?.type, complained?.occurredAt], ['complained', start + 3 * minute])
    })

    it('is asked with the API key and the secret key as basic authentication', async () => {
      await ask()
      assert.deepEqual(
        standIn.requests.map(({ method, path }) => `${method} ${path}`),
        [`GET /v3/REST/message/${emailId}`, `GET /v3/REST/messagehistory/${emailId}`],
      )
      assert.equal(standIn.requests[0]?.headers.authorization, `Basic ${btoa('key-of-the-stand-in:secret')}`)
    })

    it('gives the events of webhooks, which are then repeats, whatever the history of the email', async () => {
      const delivered: Partial<StandInEvent> = { type: 'delivered' }
      const complained: Partial<StandInEvent> = { type: 'complained' }
      const histories = fc.record({
        delays: fc.nat(2),
        ending: fc.constantFrom<Partial<StandInEvent>[]>(
          [],
          [delivered],
          [delivered, complained],
          [delivered, hard],
          [hard],
          [soft],
        ),
        opens: fc.nat(2),
      })
      let count = 0
      await fc.assert(
        fc.asyncProperty(histories, async ({ delays, ending, opens }) => {
          count += 1
          const id = `1152921504606${count}`
          standIn.addEmail({ ...email, emailId: id })
          const opened = Array.from({ length: opens }, () => ({ type: 'opened' as const }))
          add(id, [...Array.from({ length: delays }, () => delay), ...ending, ...(ending.includes(hard) ? [] : opened)])
          const answered = await ask(id)
          const delayed = answered.filter(({ bounce }) => bounce?.isOver === false)
          assert.deepEqual(
            delayed.map(({ id: of, occurredAt }) => [of, occurredAt]),
            delays > 0 ? [[`reconcile:${id}:bounced:soft`, start + minute]] : [],
          )
          assert.deepEqual(factsOf(answered.filter((event) => !delayed.includes(event))), factsOf(posted(id)))
        }),
        { numRuns: 30 },
      )
    })

    it('takes a bounce for hard where Mailjet says so, or its state is permanent and about the address', async () => {
      add(emailId, [hard])
      const answered = async (change: object) => {
        standIn.setEntryChange((entry) => ({ ...entry, ...change }))
        const [bounce] = await ask()
        return [bounce?.bounce?.class, bounce?.bounce?.subWord]
      }
      const state = { State: 'policy issue' }
      assert.deepEqual(await answered({}), ['hard', 'recipient: user unknown'])
      assert.deepEqual(await answered({ StatePermanent: false }), ['soft', 'recipient: user unknown'])
      assert.deepEqual(await answered(state), ['soft', 'spam: policy issue'])
      assert.deepEqual(await answered({ ...state, EventType: 'hardbounced' }), ['hard', 'spam: policy issue'])
      assert.deepEqual(await answered({ EventType: 'softbounced' }), ['soft', 'recipient: user unknown'])
      assert.deepEqual(await answered({ State: 'preblocked', EventType: 'blocked' }), ['hard', 'mailjet: preblocked'])
    })

    it('knows nothing of an email that Mailjet does not know, and asks about no ID that Mailjet cannot have', async () => {
      assert.deepEqual(await ask('1'), [])
      assert.deepEqual(await ask('1ab23cd4-e567'), [])
      assert.equal(standIn.requestCount(), 1)
    })
  })

  describe('its history', () => {
    const addMany = (count: number) => {
      for (let n = 0; n < count; n += 1) {
        const id = `1152921504606846${100 + n}`
        const sentAt = start + n * minute
        standIn.addEmail({ ...email, emailId: id, sentAt })
        standIn.addEvent(id, { type: 'delivered', recipient: 'ada@example.com', at: sentAt + 10 * second })
      }
    }

    it('holds the delivery events of a window once, page by page, the end excluded', async () => {
      addMany(23)
      const [from, to] = [start + 5 * minute + 10 * second, start + 20 * minute + 10 * second]
      const times = (await wholeHistory(from, to)).map(({ occurredAt }) => occurredAt)
      assert.deepEqual(
        times,
        Array.from({ length: 15 }, (_, n) => from + n * minute),
      )
    })

    it('counts the requests of a page, and asks about no message to which nothing has happened', async () => {
      addMany(3)
      const before = standIn.requestCount()
      const { requests, next } = await api.history.read({ from: start, to: start + hour }, null)
      // The email of all tests is queued.
      assert.deepEqual([requests, standIn.requestCount() - before, next], [4, 4, null])
    })

    it('has what happened within an hour of sending', async () => {
      const delivered = { type: 'delivered', recipient: 'ada@example.com' } as const
      standIn.addEvent(emailId, { ...delivered, at: start + 50 * minute })
      assert.equal((await wholeHistory(start + 45 * minute, start + hour)).length, 1)
      const late = '1152921504606846000'
      standIn.addEmail({ ...email, emailId: late })
      standIn.addEvent(late, { ...delivered, at: start + 2 * hour })
      assert.deepEqual(await wholeHistory(start + 1.9 * hour, start + 2.1 * hour), [])
      assert.equal((await ask(late)).length, 1)
    })
  })

  describe('when it does not answer as documented', () => {
    it('reports a refused key', async () => {
      api = apiWith({ apiKey: 'wrong:key' })
      await assert.rejects(ask(), ProviderRefusedError)
    })

    it('reports a rate limit', async () => {
      api = apiWith({ timeoutMs: 200 })
      standIn.setFaults({ rateLimit: 0 })
      await assert.rejects(ask(), (error) => error instanceof ProviderUnreachableError && error.isRateLimited)
    })

    it('counts another form of answer as no answer', async () => {
      add(emailId, [{}])
      for (const change of [{ ContactAlt: null }, { EventAt: 'now' }, { EventType: 7 }]) {
        standIn.setEntryChange((entry) => ({ ...entry, ...change }))
        await assert.rejects(ask(), /does not match its documentation/, JSON.stringify(change))
      }
    })
  })
})

/** What the event of a webhook and that of the API have in common, in one order. */
const factsOf = (events: readonly ReceivedEvent[]) =>
  events
    .map(({ id, type, emailId: of, recipient, occurredAt, bounce }) => ({
      id,
      type,
      of,
      recipient,
      occurredAt,
      bounce,
    }))
    .sort((a, b) => a.id.localeCompare(b.id))
