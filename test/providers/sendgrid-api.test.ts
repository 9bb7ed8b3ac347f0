import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import type { SampleBounce } from '../../src/providers/sample.ts'
import { createSendgridApi } from '../../src/providers/sendgrid/api.ts'
import { generateSendgridKeys } from '../../src/providers/sendgrid/sample.ts'
import { dropReasons, type SendgridStandIn, startSendgridStandIn } from '../../src/stand-ins/sendgrid.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { type ApiStandIn, asked, startApiStandIn } from './api-stand-in.ts'
import { comparable, eventsInWebhooks } from './sendgrid-events.ts'

const hourMs = 3_600_000
const start = Date.UTC(2026, 10, 25, 12)
const [ada, bob] = ['ada@example.com', 'bob@example.com']
const keys = generateSendgridKeys()
let now = start
let standIn: SendgridStandIn

const apiOf = (apiKey = standIn.apiKey) => createSendgridApi({ apiUrl: standIn.apiUrl, apiKey, timeoutMs: 2_000 })
const fetchEvents = (emailId: string, recipients = [ada], since = start) =>
  apiOf().fetchEvents({ emailId, recipients, since })

const hard: SampleBounce = { class: 'hard', code: '5.1.1', message: '550 5.1.1 no such user', isOver: true }

function addEmail(emailId: string, to = [ada]): void {
  standIn.addEmail({ emailId, to, subject: 'Your order' })
  standIn.addEvent(emailId, { type: 'sending', recipient: null, at: now })
}

describe('the SendGrid API', () => {
  beforeEach(async () => {
    now = start
    standIn = await startSendgridStandIn({ clock: () => now, webhookSecret: keys.signing })
  })
  afterEach(() => standIn.close())

  const bounce = fc.oneof(
    fc.record({
      class: fc.constantFrom('hard' as const, 'soft' as const),
      code: fc.constantFrom('5.1.1', '4.2.2', '5.7.1', '5.2.2'),
      message: fc.constantFrom('550 5.1.1 no such user', '452 4.2.2 mailbox full', 'rejected'),
      isOver: fc.boolean(),
    }),
    fc.constantFrom(...dropReasons).map((message) => ({ ...hard, code: null, message })),
  )
  const emails = [1, 2]
  const event = fc.record({
    email: fc.constantFrom(...emails),
    type: fc.constantFrom<StandInEvent['type'][]>('sending', 'delivered', 'bounced', 'complained', 'opened', 'clicked'),
    recipient: fc.constantFrom(ada, bob),
    bounce,
    afterMs: fc.nat({ max: 72 * hourMs }),
  })

  it('has the events of the webhooks, under their IDs', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
        run += 1
        const idOf = (email: number) => `e${run}-${email}`
        const before = standIn.webhooks().length
        now = start
        for (const email of emails) standIn.addEmail({ emailId: idOf(email), to: [ada, bob], subject: 'Hi' })
        for (const { email, type, recipient, bounce: facts, afterMs } of events) {
          standIn.addEvent(idOf(email), {
            ...{ type, recipient, at: start + afterMs },
            ...(type === 'bounced' && { bounce: facts }),
          })
        }
        now = start + 72 * hourMs
        const posted = eventsInWebhooks(standIn.webhooks().slice(before), keys)
        for (const email of emails) {
          const emailId = idOf(email)
          const expected = posted.filter((e) => e.emailId === emailId && e.type !== 'opened' && e.type !== 'clicked')
          const fetched = await fetchEvents(emailId, [bob, ada])
          assert.deepEqual(comparable(fetched), comparable(expected))
        }
      }),
      { numRuns: 30 },
    )
  })

  it('finds an email among others to the same recipient, of which one answer cannot list all', async () => {
    for (let n = 0; n < 1_200; n += 1) {
      now = start + n * 1_000
      addEmail(`email${n}`)
    }
    standIn.addEvent('email700', { type: 'delivered', recipient: ada, at: now })
    const events = await fetchEvents('email700')
    assert.deepEqual(events.map(({ type }) => type).toSorted(), ['delivered', 'sending'])
    assert.ok(standIn.requests.length < 60, `${standIn.requests.length} requests`)
  })

  it('names the subject, and the reason of a drop', async () => {
    addEmail('em1')
    const drop = { ...hard, code: null, message: 'Bounced Address' }
    standIn.addEvent('em1', { type: 'bounced', recipient: ada, at: now, bounce: drop })
    const [dropped] = (await fetchEvents('em1')).filter(({ type }) => type === 'bounced')
    assert.equal(dropped?.subject, 'Your order')
    assert.deepEqual(
      [dropped?.bounce?.word, dropped?.bounce?.class, dropped?.bounce?.message, dropped?.bounce?.code],
      ['dropped', 'hard', 'Bounced Address', null],
    )
  })

  it('has no events of an unknown email, nor of one with another ID that begins alike', async () => {
    addEmail('em12')
    assert.deepEqual(await fetchEvents('em1'), [])
    assert.deepEqual(await fetchEvents('em2'), [])
  })

  it('does not say that there are no events where no recipient can be searched', async () => {
    addEmail('em1')
    for (const recipients of [[], ['"a b"@example.com']]) {
      await assert.rejects(fetchEvents('em1', recipients), ProviderUnreachableError)
    }
    assert.equal(standIn.requests.length, 0)
  })

  it('reports a wrong key as refused', async () => {
    await assert.rejects(apiOf('SG.other').fetchEvents(asked('em1')), ProviderRefusedError)
    await assert.rejects(apiOf('SG.other').suppressionLists.read(null), ProviderRefusedError)
  })

  it('has an event once SendGrid shows it', async () => {
    standIn.setFaults({ delayMs: 60_000 })
    addEmail('em1')
    assert.deepEqual(await fetchEvents('em1'), [])
    now += 60_000
    assert.equal((await fetchEvents('em1')).length, 1)
  })

  it('repeats requests that fail now and then', async () => {
    addEmail('em1', [ada, bob])
    standIn.setFaults({ failEvery: 2 })
    assert.equal((await fetchEvents('em1', [ada, bob])).length, 2)
  })
})

describe('an answer of SendGrid', () => {
  let plain: ApiStandIn

  beforeEach(async () => {
    plain = await startApiStandIn()
  })
  afterEach(() => plain.close())

  const fetchFrom = (timeoutMs = 2_000) =>
    createSendgridApi({ apiUrl: plain.apiUrl, apiKey: 'SG.key', timeoutMs }).fetchEvents(asked('em1'))

  it('is asked for by recipient and time, with the key, and without an address in the URL', async () => {
    plain.answerWith(200, { messages: [] })
    assert.deepEqual(await fetchFrom(), [])
    const [request] = plain.requests
    assert.deepEqual([request?.method, request?.url], ['POST', '/v3/logs'])
    assert.equal(request?.headers.authorization, 'Bearer SG.key')
    const { query } = (request?.body ?? {}) as { query?: string }
    const second = String.raw`TIMESTAMP "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`
    const times = `sg_message_id_created_at >= ${second} AND sg_message_id_created_at < ${second}`
    assert.match(query ?? '', new RegExp(`^to_email = "ada@example\\.com" AND ${times}$`))
  })

  it('with 429 says when to ask again', async () => {
    const resetAt = Math.floor(Date.now() / 1_000) + 60
    plain.answerWith(429, { errors: [] }, { 'x-ratelimit-reset': String(resetAt) })
    const error = await fetchFrom().catch((caught: unknown) => caught)
    assert.ok(error instanceof ProviderUnreachableError && error.isRateLimited)
    assert.ok(error.retryAfterMs !== null && error.retryAfterMs > 50_000 && error.retryAfterMs <= 60_000)
    assert.equal(plain.requests.length, 1)
  })

  const id = 'em1.recvd-1-1'
  const messages = [{ sg_message_id: id, sg_message_id_created_at: new Date().toISOString() }]
  for (const [what, found, message] of [
    ['is no list of messages', { messages: {} }, {}],
    ['has no time', { messages: [{ sg_message_id: id, sg_message_id_created_at: 'soon' }] }, {}],
    ['has no events', { messages }, { subject: 'Hi' }],
    [
      'has an event without an ID',
      { messages },
      { events: [{ event: 'delivered', email: ada, timestamp: 1_796_000_000 }] },
    ],
    [
      'has an ID that cannot be stored',
      { messages },
      { events: [{ event: 'delivered', email: ada, timestamp: 1_796_000_000, sg_message_id: 'x'.repeat(300) }] },
    ],
  ] as const) {
    it(`that ${what} counts as none`, async () => {
      plain.answer = ({ method }, response) =>
        response.writeHead(200).end(JSON.stringify(method === 'POST' ? found : message))
      await assert.rejects(fetchFrom(), { name: 'ProviderUnreachableError', message: /does not match/ })
    })
  }

  it('with 400 counts as none, and is not repeated', async () => {
    plain.answerWith(400, { errors: [{ message: 'query' }] })
    await assert.rejects(fetchFrom(), ProviderUnreachableError)
    assert.equal(plain.requests.length, 1)
  })

  it('about a message that SendGrid keeps no longer has no events', async () => {
    plain.answer = ({ method }, response) =>
      method === 'POST' ? response.writeHead(200).end(JSON.stringify({ messages })) : response.writeHead(404).end()
    assert.deepEqual(await fetchFrom(), [])
  })

  it('names the email of an SMTP message only in its events, and the others are left out', async () => {
    const smtp = [{ sg_message_id: 'filter1.2.3', sg_message_id_created_at: new Date().toISOString() }]
    const event = { event: 'delivered', email: ada, timestamp: 1_796_000_000, sg_message_id: 'filter1.2.3' }
    const events = ['em1', 'other'].map((name) => ({ ...event, 'smtp-id': `<${name}@ismtpd0001.sendgrid.net>` }))
    const opened = { ...event, event: 'open' }
    plain.answer = ({ method }, response) =>
      response
        .writeHead(200)
        .end(JSON.stringify(method === 'POST' ? { messages: smtp } : { events: [...events, opened] }))
    assert.deepEqual(
      (await fetchFrom()).map(({ emailId, type }) => [emailId, type]),
      [['em1', 'delivered']],
    )
  })

  it('of many requests is not waited for longer than the deadline', async () => {
    plain.answer = (_, response) => setTimeout(() => response.writeHead(200).end('{"messages":[]}'), 60)
    const api = createSendgridApi({ apiUrl: plain.apiUrl, apiKey: 'SG.key', timeoutMs: 150 })
    const recipients = Array.from({ length: 60 }, (_, n) => `r${n}@example.com`)
    await assert.rejects(api.fetchEvents({ emailId: 'em1', recipients, since: Date.now() }), /within 150 ms/)
    assert.ok(plain.requests.length < 30)
  })
})
