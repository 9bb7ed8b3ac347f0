/** What must come of the inputs in fixtures/reports.jsonl; the number before each is the report's. */
import assert from 'node:assert/strict'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { countsAsSoftBounce, judgeBounce } from '../../src/domain/judge-bounce.ts'
import { createWebhookSources, providers } from '../../src/providers/registry.ts'
import { createResendApi } from '../../src/providers/resend/api.ts'
import type { SignedRequest } from '../../src/providers/sample.ts'
import { hmacSha256 } from '../../src/providers/signature.ts'
import { problemIn, useApi } from '../api/served.ts'
import { tokensInMemory } from './adapter.ts'
import { asked, startApiStandIn } from './api-stand-in.ts'
import { inputOf } from './reports.ts'

const secrets = new Map(providers.map((entry) => [entry.name, entry.generateSecret()]))
const sovereignTopic = 'arn:aws-eusc:sns:eusc-de-east-1:123456789012:email-events'
const nothing = { received: 0, duplicates: 0 }

/** The event's type, recipient, and what its bounce means. */
const meaningOf = ({ type, recipient, bounce }: ReceivedEvent) =>
  [type, recipient, ...(type === 'bounced' ? [judgeBounce(bounce).outcome] : [])].join(' ')

describe('reported inputs', () => {
  let now = 0
  let counted: boolean[] = []
  const served = useApi(() => {
    now = Date.now()
    counted = []
    const configured = new Map<string, readonly string[]>([
      ...[...secrets].map(([name, { accepted }]) => [name, [accepted]] as const),
      ['ses/sovereign', [sovereignTopic]],
    ])
    const noNetwork = () => Promise.reject(new Error('no network'))
    return {
      webhooks: createWebhookSources(configured, { clock: Date.now, fetch: noNetwork, tokens: tokensInMemory() }),
      webhookCounts: { count: (_provider, isGenuine) => counted.push(isGenuine) },
    }
  })

  const send = (path: string, { headers, body }: SignedRequest) =>
    fetch(`${served.url}/webhooks/${path}`, { method: 'POST', headers, body })

  /** Signs and posts a body in the provider's form. */
  const post = (name: string, body: unknown) => {
    const sign = providers.find((entry) => entry.name === name)?.sign
    assert.ok(sign)
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return send(name, sign(text, secrets.get(name)?.signing ?? '', now))
  }

  /** The answer to a genuine request, which must be 200. */
  const accepted = async (name: string, body: unknown) => {
    const response = await post(name, body)
    assert.equal(response.status, 200, await response.clone().text())
    return response.json()
  }

  const meanings = () => served.inbox.events.map(meaningOf)

  it('1: a late bounce of SendGrid without a message ID is held against its address, once', async () => {
    const { post: batch } = inputOf<{ post: [Record<string, unknown>] }>(1, now)
    assert.deepEqual(await accepted('sendgrid', batch), { received: 1, duplicates: 0 })
    assert.deepEqual(meanings(), ['bounced ada@example.com bounced'])
    assert.match(served.inbox.events[0]?.emailId ?? '', /^unknown:[\w-]{43}$/)
    assert.deepEqual(await accepted('sendgrid', batch), { received: 0, duplicates: 1 })
    const { sg_message_id: _, ...without } = batch[0]
    assert.deepEqual(await accepted('sendgrid', [without]), { received: 1, duplicates: 0 })
    assert.deepEqual(meanings().at(-1), 'bounced ada@example.com bounced')
  })

  it('2: a full mailbox at Resend is not held against the recipient, whatever the API answers later', async () => {
    type Step = { readonly post?: unknown; readonly 'stand-in answers GET /emails/re-1'?: Record<string, unknown> }
    const { steps } = inputOf<{ steps: readonly Step[] }>(2, now)
    await accepted('resend', steps[1]?.post)
    assert.deepEqual(meanings(), ['bounced ada@example.com failed'])
    const standIn = await startApiStandIn()
    const api = createResendApi({ apiUrl: standIn.apiUrl, apiKey: 'any' })
    const { bounce, ...untold } = steps[3]?.['stand-in answers GET /emails/re-1'] ?? {}
    for (const answer of [{ ...untold, bounce }, untold]) {
      standIn.answerWith(200, answer)
      const [, bounced] = await api.fetchEvents(asked('re-1'))
      assert.ok(bounced)
      assert.equal(meaningOf(bounced), 'bounced ada@example.com failed')
    }
    standIn.close()
  })

  it('3: failures that are not the recipient’s count as no soft bounce', async () => {
    const { steps } = inputOf<{ steps: readonly { post?: unknown }[] }>(3, now)
    await accepted('sendgrid', steps[3]?.post)
    const failed = { email_id: 're-3', to: ['ada@example.com'], failed: { reason: 'reached_daily_quota' } }
    await accepted('resend', { type: 'email.failed', data: failed })
    const message = { headers: { 'message-id': 'mg-3@example.org', to: 'ada@example.com' } }
    const status = { code: 451, message: '451 4.7.1 greylisted, try again' }
    const temporary = { event: 'failed', severity: 'temporary', id: 'mg-3', recipient: 'ada@example.com', message }
    await accepted('mailgun', { ...temporary, timestamp: now / 1_000, 'delivery-status': status })
    const mail = { messageId: 'ses-3', destination: ['ada@example.com'] }
    await accepted('ses', { eventType: 'Reject', mail, reject: { reason: 'Bad content' } })
    assert.deepEqual(
      served.inbox.events.map(({ provider, bounce, recipient }) => [provider, countsAsSoftBounce(bounce), recipient]),
      ['sendgrid', 'resend', 'mailgun', 'ses'].map((provider) => [provider, false, 'ada@example.com']),
    )
  })

  it('4: an automatic reply that SES reports as a bounce is none', async () => {
    for (const days of [0, 2, 4]) {
      const [events] = Object.values(inputOf<Record<string, unknown[]>>(4, now, now - days * 24 * 3_600_000))
      for (const event of events ?? []) await accepted('ses', event)
    }
    assert.deepEqual(meanings(), Array(3).fill(['delivered ada@example.com', 'bounced ada@example.com none']).flat())
    assert.ok(served.inbox.events.every(({ bounce }) => bounce === null || !countsAsSoftBounce(bounce)))
  })

  it('6: of two recipients of one bounce, only the one that failed is held responsible', async () => {
    const { eventType: _, ...bounce } = inputOf<Record<string, unknown>>(6, now)
    assert.deepEqual(await accepted('ses', { eventType: 'Bounce', ...bounce }), { received: 2, duplicates: 0 })
    assert.deepEqual(meanings(), ['bounced ada@example.com bounced', 'bounced bob@example.com deferred'])
    assert.deepEqual(await accepted('ses', { notificationType: 'Bounce', ...bounce }), { received: 0, duplicates: 2 })
  })

  it('7: a filter’s verdict at Postmark is no complaint of a person', async () => {
    await accepted('postmark', inputOf(7, now))
    assert.deepEqual(meanings(), ['bounced ada@example.com failed'])
    assert.equal(judgeBounce(served.inbox.events[0]?.bounce ?? null).reason, 'spam_content')
  })

  it('8: the 64-bit IDs of Postmark keep their digits', async () => {
    const record = inputOf<string>(8, now)
    assert.deepEqual(await accepted('postmark', record), { received: 1, duplicates: 0 })
    assert.deepEqual(await accepted('postmark', record.replace('5807,', '5806,')), { received: 1, duplicates: 0 })
    assert.deepEqual(await accepted('postmark', record), { received: 0, duplicates: 1 })
    assert.equal(served.inbox.events[0]?.id, 'Bounce:4323372036854775807')
    assert.deepEqual(meanings(), Array(2).fill('bounced ada@example.com bounced'))
  })

  it('8: long numbers keep their digits at every provider, and numbers in texts and fractions stay as they are', async () => {
    const id = '9223372036854775807'
    await accepted(
      'aisend',
      `{"id":${id},"type":"sent","data":{"email_id":${id},"subject":"[1234567890123456789, 2]"}}`,
    )
    await accepted('standard-webhooks', `{"type":"sent","data":{"email_id":${id}}}`)
    await accepted(
      'mailgun',
      `{"event":"delivered","id":${id},"timestamp":${now / 1_000},"message":{"headers":{"message-id":"a@b"}}}`,
    )
    await accepted('sendgrid', `[{"event":"open","sg_message_id":${id},"timestamp":1796000000.1234567890123456}]`)
    const [first, second, third, fourth] = served.inbox.events
    assert.deepEqual([first?.id, first?.emailId, first?.subject], [id, id, '[1234567890123456789, 2]'])
    assert.equal(second?.emailId, id)
    assert.match(third?.id ?? '', new RegExp(`/${id}$`))
    assert.deepEqual([fourth?.emailId, fourth?.occurredAt], [id, 1_796_000_000_123])
  })

  it('17: the greeting of SES in JSON is acknowledged and dropped', async () => {
    const [greeting] = Object.values(inputOf<Record<string, unknown>>(17, now))
    assert.deepEqual(await accepted('ses', greeting), nothing)
  })

  it('19: a genuine event of Mailgun about no email is acknowledged, and one that cannot be read gets 406', async () => {
    const [event] = Object.values(inputOf<Record<string, object>>(19, now))
    assert.deepEqual(await accepted('mailgun', event), nothing)
    const unusable = await post('mailgun', { ...event, event: null })
    assert.equal(unusable.status, 406)
    assert.match((await problemIn(unusable)).detail, /no event/)
    assert.deepEqual(counted, [true, true])
  })

  it('20: a form of Mailgun’s old webhooks gets 406 with a sentence, and is no wrong signature', async () => {
    const { body, ...headers } = inputOf<Record<string, string>>(20, now)
    const response = await send('mailgun', { headers, body: body ?? '' })
    assert.equal(response.status, 406)
    assert.match((await problemIn(response)).detail, /form.*delete that webhook/)
    assert.deepEqual([counted, served.inbox.events.length], [[], 0])
  })

  it('21: an event of SES by raw message delivery gets 401 with a sentence', async () => {
    const { headers, body } = inputOf<{ headers: Record<string, string>; body: object }>(21, now)
    for (const sent of [headers, { 'content-type': 'text/plain' }]) {
      const response = await send('ses', { headers: sent, body: JSON.stringify(body) })
      assert.equal(response.status, 401)
      assert.match((await problemIn(response)).detail, /turn raw message delivery off/)
    }
    assert.deepEqual([counted, served.inbox.events.length], [[false, false], 0])
  })

  it('22: no part of an IP address is a status code', async () => {
    for (const data of Object.values(inputOf<Record<string, object>>(22, now))) await accepted('mailgun', data)
    assert.deepEqual(
      served.inbox.events.map((event) => [meaningOf(event), event.bounce?.class, event.bounce?.code]),
      [
        ['bounced ada@example.com bounced', 'hard', '550'],
        ['bounced bob@example.com failed', 'soft', '5.7.1'],
      ],
    )
  })

  it('24: times without a zone are UTC, whatever the server’s zone is, and an unreadable one is the time of receipt', async () => {
    const { bodies } = inputOf<{ bodies: readonly { timestamp: string }[] }>(24, now)
    const zone = process.env['TZ']
    process.env['TZ'] = 'America/New_York'
    try {
      for (const body of [...bodies, { ...bodies[0], timestamp: 'at noon', data: { email_id: 'tz-5' } }]) {
        await accepted('standard-webhooks', body)
      }
    } finally {
      if (zone === undefined) delete process.env['TZ']
      else process.env['TZ'] = zone
    }
    const [unreadable, ...times] = served.inbox.events.map(({ occurredAt }) => occurredAt).reverse()
    assert.deepEqual(times, Array(4).fill(Math.floor(now / 1_000) * 1_000))
    assert.equal(unreadable, served.inbox.events[4]?.receivedAt)
  })

  it('25: a scheduled email carries the time for which it is scheduled', async () => {
    const { steps } = inputOf<{ steps: readonly { post?: unknown }[] }>(25, now)
    await accepted('resend', steps[0]?.post)
    const [event] = served.inbox.events
    assert.deepEqual([event?.type, event?.scheduledFor], ['queued', now + 3 * 24 * 3_600_000])
  })

  it('26: a topic is verified with a certificate of its own partition of Amazon', async () => {
    const { 'SNS envelope': envelope } = inputOf<{ 'SNS envelope': Record<string, string> }>(26, now)
    const statusFor = async (SigningCertURL = envelope['SigningCertURL']) =>
      (await send('ses/sovereign', { headers: {}, body: JSON.stringify({ ...envelope, SigningCertURL }) })).status
    assert.equal(await statusFor(), 503)
    assert.equal(await statusFor(envelope['SigningCertURL']?.replace('amazonaws.eu', 'amazonaws.com')), 401)
  })

  it('32: an event of a Mailgun subaccount is proved by the signature of its parent', async () => {
    const { signature, ...data } = inputOf<{ signature: Record<string, string> }>(32, now)
    const signed = (key: string) => hmacSha256(`${signature['timestamp']}${signature['token']}`, key).toString('hex')
    const statusWith = async (parent: string) => {
      const both = { ...signature, signature: signed('of the subaccount'), 'parent-signature': parent }
      return (await send('mailgun', { headers: {}, body: JSON.stringify({ signature: both, ...data }) })).status
    }
    assert.equal(await statusWith(signed('another')), 401)
    assert.equal(await statusWith(signed(secrets.get('mailgun')?.signing ?? '')), 200)
    assert.deepEqual(meanings(), ['delivered ada@example.com'])
  })
})
