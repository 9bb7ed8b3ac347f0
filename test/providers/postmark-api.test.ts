import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createPostmarkApi, type PostmarkApi } from '../../src/providers/postmark/api.ts'
import { postmark } from '../../src/providers/postmark/webhook.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import type { SampleBounce } from '../../src/providers/sample.ts'
import {
  type PostmarkStandIn,
  type PostmarkStandInOptions,
  startPostmarkStandIn,
} from '../../src/stand-ins/postmark.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { type ApiStandIn, asked, startApiStandIn } from './api-stand-in.ts'
import { documented } from './fixtures/postmark.ts'

const [minute, hour] = [60_000, 3_600_000]
const now = Date.UTC(2026, 10, 30, 15)
const recipients = ['ada@example.com', 'Grace@Example.com', 'linus@example.org']
const secret = 'user:a-good-password'
const full: SampleBounce = { class: 'soft', code: null, message: 'smtp;452 4.2.2 Mailbox full', isOver: true }

/** What a webhook and the API's answer about the same event must agree in. */
const factsOf = ({ id, emailId, type, occurredAt, to, recipient, bounce }: ReceivedEvent) => ({
  ...{ id, emailId, type, occurredAt, to, recipient, bounce },
})
const sorted = (events: readonly ReceivedEvent[]) => events.map(factsOf).toSorted((a, b) => (a.id < b.id ? -1 : 1))

describe('the Postmark API', () => {
  let standIn: PostmarkStandIn
  let api: PostmarkApi
  let clock = now

  const start = async (options: PostmarkStandInOptions = {}) => {
    standIn = await startPostmarkStandIn({ clock: () => clock, webhookSecret: secret, ...options })
    api = apiWith(standIn.apiKey)
  }
  const apiWith = (apiKey: string) => createPostmarkApi({ apiUrl: standIn.apiUrl, apiKey, timeoutMs: 5_000 })

  beforeEach(async () => {
    clock = now
    await start()
  })
  afterEach(() => standIn.close())

  /** The events that the webhooks report, without opens and clicks. */
  const reported = (after = 0): ReceivedEvent[] =>
    standIn
      .webhooks()
      .slice(after)
      .flatMap(({ headers, body }) => {
        assert.ok(postmark.verify(Buffer.from(body), headers, [secret]))
        return postmark.parse(Buffer.from(body), clock, headers)
      })
      .filter(({ type }) => type !== 'opened' && type !== 'clicked')

  const addEmail = (events: readonly StandInEvent[], to: readonly string[] = recipients.slice(0, 1)): string => {
    const emailId = randomUUID()
    standIn.addEmail({ emailId, to, subject: 'Your receipt' })
    for (const event of events) standIn.addEvent(emailId, event)
    return emailId
  }
  const event = (type: StandInEvent['type'], at: number, bounce?: SampleBounce): StandInEvent => ({
    ...{ type, at, recipient: 'ada@example.com' },
    ...(bounce && { bounce }),
  })

  it('reports the events that the webhooks report, under the same identities', async () => {
    const property = fc.asyncProperty(arbitraryHistory(now - 40 * 24 * hour, now), async ({ to, events }) => {
      const before = standIn.webhooks().length
      const emailId = addEmail(events, to)
      assert.deepEqual(sorted(await api.fetchEvents(asked(emailId))), sorted(reported(before)))
    })
    await fc.assert(property, { numRuns: 100 })
  })

  it('reports the same in every answer, and no address in the payload', async () => {
    const emailId = addEmail([event('bounced', now - hour, full), event('delivered', now - minute)])
    const events = await api.fetchEvents(asked(emailId))
    assert.deepEqual(sorted(await api.fetchEvents(asked(emailId))), sorted(events))
    for (const { payload, subject } of events) {
      assert.doesNotMatch(payload, /@/)
      assert.equal(subject, 'Your receipt')
    }
  })

  it('is asked about the bounces of the stream of the email, with the server’s token', async () => {
    standIn.close()
    await start({ streamOf: () => 'broadcasts' })
    const emailId = addEmail([event('bounced', now - hour, full)])
    assert.equal((await api.fetchEvents(asked(emailId))).length, 1)
    for (const { headers } of standIn.requests) {
      assert.deepEqual([headers['x-postmark-server-token'], headers.authorization], [standIn.apiKey, undefined])
    }
  })

  it('reports no events of an email that Postmark does not know, or of which it reports nothing', async () => {
    assert.deepEqual(await api.fetchEvents(asked(randomUUID())), [])
    assert.deepEqual(await api.fetchEvents(asked('aftersend-doctor')), [])
    assert.deepEqual(await api.fetchEvents(asked(addEmail([]))), [])
    assert.deepEqual(await api.fetchEvents(asked(addEmail([event('opened', now)]))), [])
  })

  it('refuses another key', async () => {
    await assert.rejects(apiWith('another').fetchEvents(asked(randomUUID())), ProviderRefusedError)
  })

  it('limits requests: the error says for how long to wait', async () => {
    standIn.setFaults({ rateLimit: 0 })
    const hasBothFacts = (error: unknown) =>
      error instanceof ProviderUnreachableError && error.isRateLimited && error.retryAfterMs === 1_000
    await assert.rejects(api.fetchEvents(asked(randomUUID())), hasBothFacts)
  })

  it('is asked again after an error of the server', async () => {
    const emailId = addEmail([event('delivered', now - hour)])
    standIn.setFaults({ failEvery: 2 })
    assert.equal((await api.fetchEvents(asked(emailId))).length, 1)
    standIn.setFaults({ failEvery: 1 })
    await assert.rejects(api.fetchEvents(asked(emailId)), ProviderUnreachableError)
  })

  it('reports an event as soon as it shows it', async () => {
    const emailId = addEmail([event('delivered', now - minute)])
    standIn.setFaults({ delayMs: 5 * minute })
    assert.deepEqual(await api.fetchEvents(asked(emailId)), [])
    clock += 5 * minute
    assert.equal((await api.fetchEvents(asked(emailId))).length, 1)
  })

  describe('with its history', () => {
    const read = async (from: number, to: number) => {
      const events: ReceivedEvent[] = []
      let cursor: string | null = null
      do {
        const page = await api.history.read({ from, to }, cursor)
        events.push(...page.events)
        cursor = page.next
      } while (cursor !== null)
      return events
    }

    it('holds the events of a window, of all streams, and no others', async () => {
      standIn.close()
      await start({ streamOf: (emailId) => (/^[0-7]/.test(emailId) ? 'outbound' : 'broadcasts') })
      const histories = fc.sample(arbitraryHistory(now - hour, now), { numRuns: 60, seed: 7 })
      for (const { to, events } of histories) addEmail(events, to)
      const [from, to] = [now - 40 * minute, now - 10 * minute]
      const expected = reported().filter(({ occurredAt }) => from <= occurredAt && occurredAt < to)
      assert.ok(expected.length > 50)
      assert.deepEqual(sorted(await read(from, to)), sorted(expected))
    })

    it('begins at the millisecond at which the window before ended', async () => {
      addEmail([event('delivered', now - 500)])
      addEmail([event('bounced', now - 500, full)])
      assert.equal((await read(now - hour, now - 500)).length, 0)
      assert.equal((await read(now - hour, now - 499)).length, 2)
      assert.equal((await read(now - 500, now)).length, 2)
      assert.equal((await read(now - 499, now)).length, 0)
    })

    for (const ambiguousTimesAre of ['first', 'second'] as const) {
      it(`is complete in the hour that an autumn night has twice, if Postmark means the ${ambiguousTimesAre}`, async () => {
        const change = Date.UTC(2026, 10, 1, 6)
        clock = change + 24 * hour
        standIn.close()
        await start({ ambiguousTimesAre })
        const times = [-90, -60, -30, 0, 30, 60, 90].map((minutes) => change + minutes * minute)
        for (const at of times) addEmail([event('bounced', at, full)])
        for (const at of times) addEmail([event('delivered', at)])
        for (const at of times) {
          const found = (await read(at, at + 1)).map(({ type }) => type).toSorted()
          assert.deepEqual(found, ['bounced', 'delivered'], new Date(at).toISOString())
        }
      })
    }

    it('is read beyond the results that one search reaches', async () => {
      const delays = Array.from({ length: 10_600 }, (_, index) => event('bounced', now - hour + index * 100, full))
      addEmail(delays)
      assert.equal(new Set((await read(now - hour, now)).map(({ id }) => id)).size, delays.length)
    })

    it('holds no delivery that took more than an hour: the email is asked about alone', async () => {
      const emailId = addEmail([
        event('bounced', now - 3 * hour, { ...full, isOver: false }),
        event('delivered', now - 1),
      ])
      assert.deepEqual(await read(now - hour, now), [])
      assert.equal((await api.fetchEvents(asked(emailId))).length, 2)
    })
  })

  it('lists the suppressed addresses of all streams, without what concerns one kind of emails', async () => {
    for (const [stream, address, reason, origin] of [
      ['outbound', 'Hard@Example.com', 'HardBounce', 'Recipient'],
      ['broadcasts', 'hard@example.org', 'HardBounce', 'Admin'],
      ['broadcasts', 'spam@example.org', 'SpamComplaint', 'Recipient'],
      ['outbound', 'by-hand@example.com', 'ManualSuppression', 'Customer'],
      ['outbound', 'unsubscribed@example.com', 'ManualSuppression', 'Recipient'],
      ['broadcasts', 'no-newsletter@example.com', 'ManualSuppression', 'Customer'],
      ['outbound', 'not an address', 'HardBounce', 'Recipient'],
    ] as const) {
      standIn.suppressInStream(stream, address, reason, origin)
    }
    const entries: unknown[] = []
    let cursor: string | null = null
    do {
      const page = await api.suppressionLists.read(cursor)
      entries.push(...page.entries)
      cursor = page.next
    } while (cursor !== null)
    assert.deepEqual(entries, [
      { address: 'hard@example.org', reason: 'hard_bounce', since: now },
      { address: 'spam@example.org', reason: 'complaint', since: now },
      { address: 'hard@example.com', reason: 'hard_bounce', since: now },
      { address: 'by-hand@example.com', reason: 'manual', since: now },
    ])
  })
})

describe('the answers of the Postmark API', () => {
  let standIn: ApiStandIn
  let api: PostmarkApi

  beforeEach(async () => {
    standIn = await startApiStandIn()
    api = createPostmarkApi({ apiUrl: standIn.apiUrl, apiKey: 'a-token', timeoutMs: 2_000 })
  })
  afterEach(() => standIn.close())

  const emailId = documented.hardBounce.MessageID
  /** The example of Postmark's announcement of message events (postmarkapp.com/blog, 2014). */
  const delivered = {
    Recipient: 'john.doe@yahoo.com',
    Type: 'Delivered',
    ReceivedAt: '2014-02-14T11:13:10.8054242-05:00',
  }
  const answerWith = (message: object, bounces: object) => {
    standIn.answer = ({ url }, response) => response.end(JSON.stringify(url.startsWith('/bounces') ? bounces : message))
  }

  it('are read as documented', async () => {
    answerWith(
      {
        ...{ MessageID: emailId, Subject: 'Postmark event test', MessageStream: 'outbound', Tag: 'welcome-email' },
        MessageEvents: [
          { ...delivered, Details: { DeliveryMessage: 'smtp;250 2.0.0 OK', DestinationIP: '173.194.74.256' } },
          {
            ...delivered,
            Type: 'Bounced',
            Details: { Summary: 'The email account does not exist.', BounceID: '901542550' },
          },
        ],
      },
      { TotalCount: 1, Bounces: [documented.hardBounce] },
    )
    const [delivery, bounce, ...others] = await api.fetchEvents(asked(emailId))
    assert.deepEqual(others, [])
    assert.deepEqual(
      [delivery?.type, delivery?.recipient, delivery?.occurredAt, delivery?.response, delivery?.tags],
      [
        'delivered',
        'john.doe@yahoo.com',
        Date.UTC(2014, 1, 14, 16, 13, 10, 805),
        'smtp;250 2.0.0 OK',
        ['welcome-email'],
      ],
    )
    assert.deepEqual(
      [bounce?.id, bounce?.recipient, bounce?.bounce?.class, bounce?.bounce?.code],
      ['Bounce:901542550', 'bounce@example.com', 'hard', '5.1.1'],
    )
    assert.deepEqual(
      standIn.requests.map(({ url }) => url),
      [
        `/messages/outbound/${emailId}/details`,
        `/bounces?messageID=${emailId}&count=500&offset=0&messagestream=outbound`,
      ],
    )
  })

  it('are no answers if they are not as documented', async () => {
    const message = { MessageID: emailId, MessageEvents: [] }
    for (const [answer, bounces] of [
      [[], {}],
      [{ MessageID: emailId }, {}],
      [message, { TotalCount: 1 }],
      [message, { Bounces: [{ MessageID: emailId, ID: {} }] }],
    ] as const) {
      answerWith(answer, bounces)
      await assert.rejects(api.fetchEvents(asked(emailId)), /does not match its documentation/)
    }
  })

  it('may be long: an email’s details hold it three times', async () => {
    answerWith({ MessageID: emailId, MessageEvents: [], HtmlBody: 'x'.repeat(3_000_000) }, { Bounces: [] })
    assert.deepEqual(await api.fetchEvents(asked(emailId)), [])
  })

  it('say by an error code that a message is unknown; another code is no answer', async () => {
    const refuse = (status: number, ErrorCode: number) =>
      standIn.answerWith(status, { ErrorCode, Message: 'Nothing of ada@example.com.' })
    for (const [status, code] of [
      [422, 701],
      [422, 12],
      [404, 701],
    ] as const) {
      refuse(status, code)
      assert.deepEqual(await api.fetchEvents(asked(emailId)), [])
    }
    refuse(422, 700)
    await assert.rejects(api.fetchEvents(asked(emailId)), (error) => {
      assert.ok(error instanceof ProviderUnreachableError)
      return /422, error code 700/.test(error.message) && !/ada/.test(error.message)
    })
  })
})

/** Emails to several recipients. An email is delivered to each of them once; the rest may happen in any number and order. */
function arbitraryHistory(from: number, to: number) {
  const at = fc.integer({ min: from, max: to })
  const bounce = fc.record({
    class: fc.constantFrom('hard' as const, 'soft' as const),
    code: fc.constant(null),
    message: fc.constantFrom('smtp;550 5.1.1 no such user', 'smtp;452 4.2.2 mailbox full', 'delayed', ''),
    isOver: fc.boolean(),
  })
  const happened = (recipient: string) => {
    const delivered = fc.record({ type: fc.constant('delivered' as const), recipient: fc.constant(recipient), at })
    const bounced = fc.record({ type: fc.constant('bounced' as const), recipient: fc.constant(recipient), at, bounce })
    const rest = fc.record({
      type: fc.constantFrom('complained' as const, 'opened' as const, 'clicked' as const),
      ...{ recipient: fc.constant(recipient), at },
    })
    return fc
      .tuple(
        fc.array(delivered, { maxLength: 1 }),
        fc.array(bounced, { maxLength: 3 }),
        fc.array(rest, { maxLength: 3 }),
      )
      .map((events): StandInEvent[] => events.flat())
  }
  return fc.subarray(recipients, { minLength: 1 }).chain((addresses) =>
    fc.record({
      to: fc.constant(addresses),
      events: fc
        .tuple(...addresses.map(happened))
        .chain((events) => fc.shuffledSubarray(events.flat(), { minLength: events.flat().length })),
    }),
  )
}
