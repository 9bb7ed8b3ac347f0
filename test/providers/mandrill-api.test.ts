import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createMandrillApi } from '../../src/providers/mandrill/api.ts'
import type { ApiOptions, ProviderApi } from '../../src/providers/provider-api.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { type MandrillStandIn, startMandrillStandIn } from '../../src/stand-ins/mandrill.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from './adapter.ts'

const recipient = 'Ada@Example.com'
const emailId = 'fa239ebedd0a4831a3eefa59e880d8b2'
const email = { emailId, to: [recipient], subject: 'Your invitation' }
const [second, minute] = [1_000, 60_000]
const start = Date.UTC(2026, 10, 30, 10)
const bounceOf = (bounceClass: 'hard' | 'soft', isOver: boolean): Partial<StandInEvent> => ({
  type: 'bounced',
  bounce: { class: bounceClass, isOver, code: '5.1.1', message: '550 5.1.1 no such user' },
})
const [hard, soft, delay] = [bounceOf('hard', true), bounceOf('soft', true), bounceOf('soft', false)]

describe('the API of Mailchimp Transactional', () => {
  let standIn: MandrillStandIn
  let api: ProviderApi

  beforeEach(async () => {
    standIn = await startMandrillStandIn()
    standIn.addEmail(email)
    api = apiWith()
  })
  afterEach(() => standIn.close())

  const apiWith = (more: Partial<ApiOptions> = {}) =>
    createMandrillApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 2_000, ...more })
  const ask = (id = emailId) => api.fetchEvents({ emailId: id, recipients: [], since: start })
  const add = (id: string, events: readonly Partial<StandInEvent>[]) => {
    for (const [index, event] of events.entries())
      standIn.addEvent(id, { type: 'sent', recipient, at: start + index * minute, ...event })
  }
  /** What the webhooks become that the stand-in posts. */
  const posted = (id = emailId): ReceivedEvent[] =>
    standIn
      .webhooks()
      .flatMap(({ body }) => adapterOf('mandrill').parse(Buffer.from(body), start, {}))
      .filter((event) => event.emailId === id)
  const typesIn = (events: readonly ReceivedEvent[]) => events.map(({ type }) => type)

  describe('about one email', () => {
    it('answers its events with their times, subject, reply and recipient', async () => {
      add(emailId, [{}, { type: 'delivered' }, { type: 'opened' }])
      const [sent, delivered, ...others] = await ask()
      assert.deepEqual(others, [])
      assert.deepEqual([sent?.type, sent?.occurredAt], ['sent', start])
      assert.deepEqual([delivered?.type, delivered?.occurredAt], ['delivered', start + minute])
      assert.deepEqual([delivered?.recipient, delivered?.subject], ['ada@example.com', email.subject])
      assert.equal(delivered?.response, '250 2.0.0 OK')
      assert.doesNotMatch(delivered?.payload ?? '', /opens_detail/)
    })

    it('has the key in the body of the request, and in no header or URL', async () => {
      await ask()
      const [request] = standIn.requests
      assert.deepEqual([request?.method, request?.path], ['POST', '/api/1.0/messages/info'])
      assert.deepEqual(JSON.parse(request?.body ?? ''), { key: standIn.apiKey, id: emailId })
      assert.equal(request?.headers.authorization, undefined)
    })

    it('gives the events of webhooks, which are then repeats, whatever the history of the email', async () => {
      const delivered: Partial<StandInEvent> = { type: 'delivered' }
      const complained: Partial<StandInEvent> = { type: 'complained' }
      const endings = [[], [delivered], [delivered, complained], [delivered, hard], [hard], [soft]]
      const histories = fc.record({
        delays: fc.nat(2),
        ending: fc.constantFrom(...endings),
        opens: fc.nat(2),
      })
      let count = 0
      await fc.assert(
        fc.asyncProperty(histories, async ({ delays, ending, opens }) => {
          count += 1
          const id = `email-${count}`
          standIn.addEmail({ ...email, emailId: id })
          const isDelivered = ending[0] === delivered
          const opened = Array.from({ length: isDelivered ? opens : 0 }, () => ({ type: 'opened' as const }))
          add(id, [{}, ...Array.from({ length: delays }, () => delay), ...ending, ...opened])
          const isOut = ({ type, bounce }: ReceivedEvent) => type === 'opened' || bounce?.isOver === false
          const answered = await ask(id)
          assert.equal(answered.filter(({ bounce }) => bounce?.isOver === false).length, Math.min(delays, 1))
          // That an email which bounced at once was sent is not answered.
          const isUnsaid = ({ type }: ReceivedEvent) => type === 'sent' && !isDelivered && ending.length > 0
          const expected = posted(id).filter((event) => !isOut(event) && !isUnsaid(event))
          assert.deepEqual(factsOf(answered.filter((event) => !isOut(event))), factsOf(expected))
        }),
        { numRuns: 30 },
      )
    })

    it('answers the first of several delays, always under one identity', async () => {
      add(emailId, [{}, delay, delay])
      const [, delayed, ...others] = await ask()
      assert.deepEqual([delayed?.bounce?.isOver, delayed?.bounce?.message], [false, '550 5.1.1 no such user'])
      assert.deepEqual([delayed?.occurredAt, others], [start + minute, []])
      assert.equal(delayed?.id, `reconcile:${emailId}:bounced:soft`)
      standIn.setMessageChange((message) => ({ ...message, state: 'bounced', diag: '550 over' }))
      assert.deepEqual(
        (await ask()).map(({ bounce }) => bounce?.message),
        ['550 5.1.1 no such user', '550 over'],
      )
    })

    it('dates a bounce by the last attempt, since Mandrill does not say when it came', async () => {
      add(emailId, [{}, { type: 'delivered', at: start + second }, { ...hard, at: start + 3 * minute }])
      const [, , bounced] = await ask()
      assert.deepEqual([bounced?.type, bounced?.occurredAt], ['bounced', start + second])
      assert.deepEqual([bounced?.bounce?.class, bounced?.bounce?.code], ['hard', '5.1.1'])
      const refused = { ts: start / second + 90, type: 'bounced', diag: '550 no' }
      standIn.setMessageChange((message) => {
        const { smtp_events: attempts } = message as { smtp_events: object[] }
        return { ...message, smtp_events: [...attempts, refused] }
      })
      const [, delivered, later] = await ask()
      assert.deepEqual([delivered?.response, later?.occurredAt], ['250 2.0.0 OK', start + 90 * second])
    })

    it('does not take a step at Mandrill itself, or a refusal, for a delivery', async () => {
      const attempt = {
        ts: start / second,
        type: 'sent',
        source_ip: '198.2.128.3',
        destination_ip: '192.0.2.25',
        size: 1,
      }
      const answered = async (change: object) => {
        standIn.setMessageChange((message) => ({ ...message, state: 'sent', smtp_events: [{ ...attempt, ...change }] }))
        return typesIn(await ask())
      }
      assert.deepEqual(await answered({ diag: '250 OK' }), ['sent', 'delivered'])
      assert.deepEqual(await answered({ diag: '250 OK', type: 'delivered' }), ['sent', 'delivered'])
      assert.deepEqual(await answered({ diag: '250 OK', destination_ip: '' }), ['sent'])
      assert.deepEqual(await answered({ diag: '550 no' }), ['sent'])
      assert.deepEqual(await answered({ diag: '250 OK', type: 'bounced' }), ['sent'])
    })

    it('reports rejected and unsubscribed emails, and nothing of those on their way or of another email', async () => {
      const answered = async (change: object) => {
        standIn.setMessageChange((message) => ({ ...message, ...change }))
        return typesIn(await ask())
      }
      assert.deepEqual(await answered({ state: 'rejected' }), ['bounced'])
      assert.deepEqual(await answered({ state: 'unsub' }), ['sent', 'unsubscribed'])
      assert.deepEqual(await answered({ state: 'deferred' }), ['sent'])
      for (const state of ['queued', 'scheduled', 'canceled', 'constructor'])
        assert.deepEqual(await answered({ state }), [], state)
      assert.deepEqual(await answered({ state: 'sent', _id: 'another' }), [])
    })

    it('reports no events of an email that Mandrill does not know', async () => {
      assert.deepEqual(await ask('unknown'), [])
    })

    it('reads the errors of version 1.0, which all have the status 500, by their names', async () => {
      const older = await startMandrillStandIn({ errorStatus: 500 })
      const { apiUrl, apiKey } = older
      try {
        api = apiWith({ apiUrl, apiKey })
        assert.deepEqual(await ask('unknown'), [])
        api = apiWith({ apiUrl, apiKey: 'wrong' })
        await assert.rejects(ask('unknown'), ProviderRefusedError)
        assert.equal(older.requestCount(), 2)
      } finally {
        older.close()
      }
    })
  })

  describe('its denylist', () => {
    const lists = () => api.suppressionLists ?? assert.fail()

    it('is read with reasons and times; soft bounces, and what concerns one sender or subaccount, are left out', async () => {
      standIn.suppress('bounced@example.com', 'hard_bounce')
      standIn.suppress('complained@example.com', 'complaint')
      standIn.suppress('gone@example.com', 'manual')
      standIn.reject('full@example.com', 'soft-bounce')
      standIn.reject('left@example.com', 'unsub', { sender: { address: 'news@example.com' } })
      standIn.reject('theirs@example.com', 'custom', { subaccount: 'cust-123' })
      standIn.reject('dead@example.com', 'hard-bounce', { subaccount: 'cust-123', created_at: '2026-11-30 10:00:00' })
      const { entries, next, isPartial } = await lists().read(null)
      assert.deepEqual(
        entries.map(({ address, reason }) => `${address} ${reason}`),
        [
          ...['bounced@example.com hard_bounce', 'complained@example.com complaint', 'gone@example.com manual'],
          'dead@example.com hard_bounce',
        ],
      )
      assert.deepEqual([entries[3]?.since, next, isPartial], [start, null, undefined])
    })

    it('of more than a thousand entries is read in part, and says so', async () => {
      for (let n = 0; n < 1_001; n += 1) standIn.suppress(`b${n}@example.com`, 'hard_bounce')
      const { entries, isPartial } = await lists().read(null)
      assert.deepEqual([entries.length, isPartial], [1_000, true])
    })

    it('is changed, also twice, and addresses are removed from the lists of subaccounts too', async () => {
      const { writing } = lists()
      assert.ok(writing)
      const added = [{ address: 'new@example.com', reason: 'manual' as const }]
      assert.deepEqual([await writing.add(added), await writing.add(added)], [1, 1])
      assert.deepEqual(
        (await lists().read(null)).entries.map(({ address }) => address),
        ['new@example.com'],
      )
      standIn.reject('new@example.com', 'hard-bounce', { subaccount: 'cust-123' })
      assert.equal(await writing.remove(['new@example.com', 'absent@example.com']), 3)
      assert.equal(JSON.parse(standIn.requests.at(-2)?.body ?? '').subaccount, 'cust-123')
      assert.deepEqual((await lists().read(null)).entries, [])
      assert.equal(await writing.remove(['new@example.com']), 1)
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
      await assert.rejects(
        ask(),
        (error) => error instanceof ProviderUnreachableError && error.isRateLimited && error.retryAfterMs === 1_000,
      )
    })

    it('counts another form of answer as no answer', async () => {
      for (const change of [{ _id: 7 }, { ts: 'now' }, { state: null }, { smtp_events: [{}] }]) {
        standIn.setMessageChange((message) => ({ ...message, ...change }))
        await assert.rejects(ask(), /does not match its documentation/, JSON.stringify(change))
      }
    })
  })
})

/** What the event of a webhook and that of the API have in common, in one order. */
const factsOf = (events: readonly ReceivedEvent[]) =>
  events
    .map(({ id, type, emailId: of, recipient: whom, bounce }) => ({ id, type, of, whom, class: bounce?.class }))
    .sort((a, b) => a.id.localeCompare(b.id))
