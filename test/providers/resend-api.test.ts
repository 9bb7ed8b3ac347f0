import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { EmailRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { createResendApi, type ResendApi, resendEmailEvents } from '../../src/providers/resend/api.ts'
import { type ApiStandIn, asked, startApiStandIn } from './api-stand-in.ts'

/** The example of `GET /emails/{email_id}` in Resend's OpenAPI document (github.com/resend/resend-openapi, 1.5.0). */
const email = {
  object: 'email',
  id: '4ef9a417-02e9-4d39-ad75-9611e0fcc33c',
  message_id: '<202301010000.4ef9a417@email.example.com>',
  to: ['delivered@resend.dev'],
  from: 'Acme <onboarding@resend.dev>',
  created_at: '2023-04-03 22:13:42.674981+00',
  subject: 'Hello World',
  html: 'Congrats on sending your <strong>first email</strong>!',
  text: null,
  bcc: [],
  cc: [],
  reply_to: [],
  last_event: 'delivered',
}

const message = {
  from: 'Acme <hello@example.com>',
  to: ['Ada <ada@example.com>', 'grace@example.com'],
  subject: 'Your invitation',
  html: '<p>Come!</p>',
  text: null,
  headers: { 'X-Entity-Ref-ID': '7' },
  tags: ['invitation', 'team:blue sky'],
}

describe('the Resend API', () => {
  let standIn: ApiStandIn
  let api: ResendApi

  beforeEach(async () => {
    standIn = await startApiStandIn()
    api = createResendApi({ apiUrl: standIn.apiUrl, apiKey: 're_123', timeoutMs: 2_000 })
  })
  afterEach(() => standIn.close())

  const facts = async () =>
    (await api.fetchEvents(asked(email.id))).map(({ id, type, bounce }) => [
      id.split(':').slice(2).join(':'),
      type,
      bounce?.class,
    ])

  it('reads creation and delivery from the documented answer', async () => {
    standIn.answerWith(200, email)
    const before = Date.now()
    const events = await api.fetchEvents(asked(email.id))
    assert.deepEqual(
      [standIn.requests[0]?.url, standIn.requests[0]?.headers.authorization],
      [`/emails/${email.id}`, 'Bearer re_123'],
    )
    assert.deepEqual(
      events.map(({ id, type, to, recipient, subject }) => ({ id, type, to, recipient, subject })),
      ['queued', 'delivered'].map((type) => ({
        id: `reconcile:${email.id}:${type}`,
        type,
        to: ['delivered@resend.dev'],
        recipient: 'delivered@resend.dev',
        subject: 'Hello World',
      })),
    )
    assert.equal(events[0]?.occurredAt, Date.parse('2023-04-03T22:13:42.674Z'))
    assert.ok((events[1]?.occurredAt ?? 0) >= before)
    for (const { payload } of events) assert.doesNotMatch(payload, /@/)
  })

  for (const [last, ...proven] of [
    ['sent', 'sent', 'sent', undefined],
    ['opened', 'delivered', 'delivered', undefined],
    ['clicked', 'delivered', 'delivered', undefined],
    ['complained', 'complained', 'complained', undefined],
    ['bounced', 'bounced:over', 'bounced', 'soft'],
    ['suppressed', 'bounced', 'bounced', 'hard'],
    ['delivery_delayed', 'bounced:soft', 'bounced', 'soft'],
    ['failed', 'bounced:over', 'bounced', 'soft'],
  ] as const) {
    it(`maps the last event ${last} to the event that it proves`, async () => {
      standIn.answerWith(200, { ...email, last_event: last })
      assert.deepEqual((await facts())[1], proven)
    })
  }

  it('reports a bounce with the facts in the answer, and one without facts as held against nobody', async () => {
    const outcome = async (answer: object) => {
      standIn.answerWith(200, { ...email, last_event: 'bounced', ...answer })
      const { bounce, recipient } = (await api.fetchEvents(asked(email.id)))[1] ?? {}
      assert.equal(recipient, 'delivered@resend.dev')
      return judgeBounce(bounce ?? null).outcome
    }
    assert.equal(
      await outcome({ bounce: { type: 'Permanent', subType: 'General', message: 'hard bounce' } }),
      'bounced',
    )
    const full = { type: 'Transient', subType: 'MailboxFull', diagnosticCode: ['smtp; 452 4.2.2'] }
    assert.equal(await outcome({ bounce: full }), 'failed')
    assert.equal(await outcome({}), 'failed')
  })

  it('proves of several recipients only what holds for all of them', async () => {
    for (const others of [
      { to: ['a@example.com', 'b@example.com'] },
      { cc: ['b@example.com'] },
      { bcc: ['b@example.com'] },
    ]) {
      standIn.answerWith(200, { ...email, ...others })
      assert.deepEqual((await facts())[1], ['sent', 'sent', undefined])
      standIn.answerWith(200, { ...email, ...others, last_event: 'bounced' })
      const [, bounced] = await api.fetchEvents(asked(email.id))
      assert.deepEqual([bounced?.type, bounced?.recipient], ['bounced', null])
    }
  })

  it('reports for when an email is scheduled', async () => {
    standIn.answerWith(200, { ...email, last_event: 'scheduled', scheduled_at: '2023-04-05 10:00:00+00' })
    assert.equal((await api.fetchEvents(asked(email.id)))[0]?.scheduledFor, Date.UTC(2023, 3, 5, 10))
    standIn.answerWith(200, { ...email, last_event: 'scheduled' })
    assert.equal((await api.fetchEvents(asked(email.id)))[0]?.scheduledFor, Date.parse('2023-05-03T22:13:42.674Z'))
  })

  it('reports only the creation of an email that is queued, cancelled or in an unknown state', async () => {
    for (const last of ['queued', 'scheduled', 'canceled', 'constructor', null]) {
      standIn.answerWith(200, { ...email, last_event: last })
      assert.deepEqual(await facts(), [['queued', 'queued', undefined]])
    }
  })

  it('reports no events of an email that Resend does not know', async () => {
    standIn.answerWith(404, { statusCode: 404, name: 'not_found', message: 'Email not found' })
    assert.deepEqual(await api.fetchEvents(asked('x')), [])
  })

  it('sends an email in the documented form, with the idempotency key', async () => {
    standIn.answerWith(200, { id: email.id })
    assert.deepEqual(await api.sending.send(message, 'order-17'), { emailId: email.id })
    const [request] = standIn.requests
    assert.deepEqual(
      [request?.method, request?.url, request?.headers['idempotency-key']],
      ['POST', '/emails', 'order-17'],
    )
    assert.deepEqual(request?.body, {
      from: message.from,
      to: message.to,
      subject: message.subject,
      html: message.html,
      headers: message.headers,
      tags: [
        { name: 'invitation', value: 'true' },
        { name: 'team', value: 'blue_sky' },
      ],
    })
  })

  it('retries with the same key when it got no answer', async () => {
    standIn.answer = (_, response) => {
      if (standIn.requests.length === 1) response.destroy()
      else response.writeHead(200).end(JSON.stringify({ id: email.id }))
    }
    assert.deepEqual(await api.sending.send(message, 'order-17'), { emailId: email.id })
    assert.deepEqual(
      standIn.requests.map(({ headers }) => headers['idempotency-key']),
      ['order-17', 'order-17'],
    )
  })

  it('reports that an email is refused, without the message that may quote an address', async () => {
    standIn.answerWith(422, { statusCode: 422, name: 'validation_error', message: 'Invalid `to`: ada@example.com' })
    await assert.rejects(api.sending.send(message, 'k'), (error) => {
      assert.ok(error instanceof EmailRefusedError)
      return error.status === 422 && !/ada/.test(error.message)
    })
  })

  it('counts an answer without an ID as no answer', async () => {
    standIn.answerWith(200, { ok: true })
    await assert.rejects(api.sending.send(message, 'k'), ProviderUnreachableError)
  })

  it('registers a webhook for all email events or for given ones, and returns its secret', async () => {
    standIn.answerWith(201, {
      object: 'webhook',
      id: '479e3145-dd38-476b-932c-529ceb705947',
      signing_secret: 'whsec_abc',
    })
    const url = 'https://mail.example.com/webhooks/resend'
    const registered = await api.webhooks.registerWebhook(url, [])
    assert.deepEqual(registered, {
      id: '479e3145-dd38-476b-932c-529ceb705947',
      url,
      events: resendEmailEvents,
      secret: 'whsec_abc',
    })
    assert.deepEqual(standIn.requests[0]?.body, { endpoint: url, events: resendEmailEvents })
    await api.webhooks.registerWebhook(url, ['email.bounced'])
    assert.deepEqual(standIn.requests[1]?.body, { endpoint: url, events: ['email.bounced'] })
  })

  it('lists the registered webhooks', async () => {
    const created = { status: 'enabled', created_at: '2023-10-06 23:47:56.678+00' }
    standIn.answerWith(200, {
      object: 'list',
      has_more: false,
      data: [{ id: '1', endpoint: 'https://webhook.example.com/handler', events: ['email.sent'], ...created }],
    })
    assert.deepEqual(await api.webhooks.listWebhooks(), [
      { id: '1', url: 'https://webhook.example.com/handler', events: ['email.sent'] },
    ])
  })
})
