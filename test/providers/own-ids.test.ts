import assert from 'node:assert/strict'
import type { OwnIds } from '../../src/domain/own-ids.ts'
import { createAisendApi } from '../../src/providers/aisend/api.ts'
import { createMailgunApi } from '../../src/providers/mailgun/api.ts'
import { emailIdOf } from '../../src/providers/registry.ts'
import { createResendApi } from '../../src/providers/resend/api.ts'
import { resend } from '../../src/providers/resend/webhook.ts'
import { adapterOf } from './adapter.ts'
import { startApiStandIn } from './api-stand-in.ts'

const now = Date.UTC(2026, 10, 30)

/** What the webhook of a provider with this body carries, and its tags. */
function carriedBy(provider: string, body: unknown): OwnIds & { tags: readonly string[] } {
  const rawBody = Buffer.from(JSON.stringify(body))
  const [event] = adapterOf(provider).parse(rawBody, now, {})
  assert.ok(event)
  return { externalId: event.externalId ?? null, metadata: event.metadata ?? null, tags: event.tags ?? [] }
}

describe('own IDs in the custom fields of', () => {
  // "Unique Arguments" at twilio.com/docs/sendgrid/for-developers/sending-email/unique-arguments.
  const sendgrid = {
    sg_message_id: '145cea24eb8.1c420.57425.filter-132.3382.5368192A3.0',
    event: 'processed',
    email: 'example@example.com',
    'smtp-id': '<145cea24eb8.1c420.57425@localhost.localdomain>',
    timestamp: 1399331116,
    customerAccountNumber: '55555',
    'New Argument 1': 'New Value 1',
  }

  it('SendGrid are what it does not document as its own, and the Message-ID of an email that came over SMTP', () => {
    const own = {
      sg_event_id: 'x',
      sg_machine_open: false,
      mc_stats: 'singlesend',
      singlesend_id: '1',
      url_offset: { index: 0 },
    }
    const { metadata, externalId, tags } = carriedBy('sendgrid', [
      { ...sendgrid, ...own, category: ['cats'], external_id: 'order-1' },
    ])
    assert.deepEqual(metadata, {
      customerAccountNumber: '55555',
      'New Argument 1': 'New Value 1',
      'message-id': '145cea24eb8.1c420.57425@localhost.localdomain',
    })
    assert.deepEqual([externalId, tags], ['order-1', ['cats']])
    const throughApi = { ...sendgrid, 'smtp-id': '<145cea24eb8.1c420.57425@ismtpd0001p1lon1.sendgrid.net>' }
    assert.equal(carriedBy('sendgrid', [throughApi]).metadata?.['message-id'], undefined)
  })

  it('Postmark are its Metadata', () => {
    // postmarkapp.com/developer/webhooks/delivery-webhook
    const record = {
      MessageID: '883953f4-6105-42a2-a16a-77a8eac79483',
      Recipient: 'john@example.com',
      DeliveredAt: '2019-11-05T16:33:54.9070259Z',
      Details: 'Test delivery webhook details',
      Tag: 'welcome-email',
      ServerID: 23,
      Metadata: { a_key: 'a_value', b_key: 12, externalId: 'order-1' },
      RecordType: 'Delivery',
      MessageStream: 'outbound',
    }
    assert.deepEqual(carriedBy('postmark', record), {
      externalId: 'order-1',
      metadata: { a_key: 'a_value', b_key: '12' },
      tags: ['welcome-email'],
    })
  })

  it('Mailgun are its user-variables', () => {
    // documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads
    const data = {
      event: 'delivered',
      id: 'a1b2c3d4e5f6',
      timestamp: 1521472262.908181,
      recipient: 'alice@example.com',
      tags: ['my_tag_1', 'my_tag_2'],
      'user-variables': {
        my_var_1: 'Mailgun Variable #1',
        'my-var-2': 'awesome',
        external_id: 'order-1',
        nested: { a: 1 },
      },
      message: { headers: { to: 'Alice <alice@example.com>', 'message-id': '20130503182626.18666.16540@example.com' } },
    }
    assert.deepEqual(carriedBy('mailgun', { 'event-data': data }), {
      externalId: 'order-1',
      metadata: { my_var_1: 'Mailgun Variable #1', 'my-var-2': 'awesome' },
      tags: ['my_tag_1', 'my_tag_2'],
    })
  })

  it('Amazon SES are its tags, and the Message-ID that SES replaces', () => {
    // docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
    const event = {
      eventType: 'Send',
      mail: {
        timestamp: '2016-10-14T05:02:16.645Z',
        messageId: 'EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000',
        destination: ['recipient@example.com'],
        commonHeaders: { messageId: '<custom-id@app.example.com>', subject: 'Message sent from Amazon SES' },
        tags: {
          'ses:configuration-set': ['ConfigSet'],
          'ses:caller-identity': ['ses_user'],
          myCustomTag1: ['myCustomTagVal1'],
          receipt: ['true'],
          external_id: ['order-1'],
        },
      },
      send: {},
    }
    const message = { Type: 'Notification', Message: JSON.stringify(event), ...sns }
    assert.deepEqual(carriedBy('ses', message), {
      externalId: 'order-1',
      metadata: { myCustomTag1: 'myCustomTagVal1', 'message-id': 'custom-id@app.example.com' },
      tags: ['myCustomTag1:myCustomTagVal1', 'receipt'],
    })
  })

  const sns = {
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: 'arn:aws:sns:us-east-1:123456789012:MyTopic',
    Timestamp: '2016-10-14T05:02:16.645Z',
    SignatureVersion: '1',
    Signature: '',
    SigningCertURL: 'https://sns.us-east-1.amazonaws.com/x.pem',
  }

  it('Resend are its tags; what Aftersend has handed over is no tag', () => {
    const tags = { category: 'confirm_email', receipt: 'true', metadata_order: '4711', external_id: 'order-1' }
    // resend.com/docs/dashboard/webhooks/event-types
    const data = {
      email_id: '56761188',
      created_at: '2026-02-22T23:41:11.894Z',
      from: 'a@example.com',
      to: ['b@example.com'],
      tags,
    }
    const body = { type: 'email.delivered', created_at: '2026-02-22T23:41:12.126Z', data }
    const expected = { externalId: 'order-1', metadata: { category: 'confirm_email', order: '4711' } }
    assert.deepEqual(carriedBy('resend', body), { ...expected, tags: ['category:confirm_email', 'receipt'] })
    const listed = Object.entries(tags).map(([name, value]) => ({ name, value }))
    const [event] = resend.eventsOf({ ...body, data: { ...data, tags: listed } }, now)
    assert.deepEqual([event?.externalId, event?.metadata], ['order-1', expected.metadata])
  })

  it('AISend and Standard Webhooks are their metadata, which in the flat form is the event itself', () => {
    const metadata = { external_id: 'order-1', order: 4711, test: true }
    const data = { email_id: 'em_1', to: 'a@example.com' }
    const expected = { externalId: 'order-1', metadata: { order: '4711', test: 'true' }, tags: [] }
    for (const provider of ['aisend', 'standard-webhooks']) {
      assert.deepEqual(carriedBy(provider, { type: 'email.sent', data: { ...data, metadata } }), expected)
      assert.deepEqual(carriedBy(provider, { type: 'email.sent', data, metadata }), expected)
      assert.deepEqual(carriedBy(provider, { type: 'email.sent', metadata: { ...data, metadata } }), expected)
      assert.equal(carriedBy(provider, { type: 'email.sent', metadata: data }).metadata, null)
    }
  })

  it('any provider leave out what is longer than a registration may be, or cannot be stored', () => {
    const fields = {
      ok: 'x'.repeat(500),
      long: 'x'.repeat(501),
      ['k'.repeat(41)]: 'v',
      'control\u0001': 'v',
      half: '\ud800',
      nul: 'a\u0000b',
      empty: '',
      external_id: 'x'.repeat(256),
    }
    const { externalId, metadata } = carriedBy('aisend', { type: 'sent', data: { email_id: 'em_1', metadata: fields } })
    assert.deepEqual(
      [externalId, metadata],
      [null, { ok: 'x'.repeat(500), half: '\ufffd', nul: 'ab', external_id: 'x'.repeat(256) }],
    )
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`k${10 + n}`, 'v']))
    const kept = carriedBy('aisend', { type: 'sent', data: { email_id: 'em_1', metadata: many } }).metadata
    assert.equal(Object.keys(kept ?? {}).length, 50)
  })

  it('Mailgun’s logs are those of its webhooks', async () => {
    const mailgun = await startApiStandIn()
    const entry = {
      ...{ id: 'a', event: 'delivered', '@timestamp': '2026-11-29T10:00:00Z', recipient: 'a@example.com' },
      message: { headers: { 'message-id': 'm@mg.example.com' } },
      'user-variables': { external_id: 'order-1', order: '4711' },
    }
    let isRead = false
    mailgun.answer = (_request, response) => {
      response.writeHead(200).end(JSON.stringify({ items: isRead ? [] : [entry], pagination: {} }))
      isRead = true
    }
    const api = createMailgunApi({ apiUrl: mailgun.apiUrl, apiKey: 'key' })
    const [event] = await api.fetchEvents({ emailId: 'm@mg.example.com', recipients: [], since: Date.now() })
    mailgun.close()
    assert.deepEqual([event?.externalId, event?.metadata], ['order-1', { order: '4711' }])
  })
})

describe('own IDs of an email that is sent', () => {
  const email = {
    ...{ from: 'a@example.com', to: ['b@example.com'], subject: 'Hi', html: null, text: 'Hi', headers: {} },
    ...{ tags: ['receipt'], externalId: 'order-1', metadata: { order: '4711', note: 'two words' } },
  }

  it('are handed to Resend as tags, without those that tags cannot hold', async () => {
    const resend = await startApiStandIn()
    const bodies: Record<string, unknown>[] = []
    resend.answer = ({ body }, response) => {
      bodies.push(body as Record<string, unknown>)
      response.writeHead(200).end('{"id":"re_1"}')
    }
    await createResendApi({ apiUrl: resend.apiUrl, apiKey: 'key' }).sending.send(email, 'key')
    resend.close()
    assert.deepEqual(bodies[0]?.['tags'], [
      { name: 'receipt', value: 'true' },
      { name: 'external_id', value: 'order-1' },
      { name: 'metadata_order', value: '4711' },
    ])
    assert.equal(bodies[0]?.['metadata'], undefined)
  })

  it('are handed to AISend as metadata', async () => {
    const aisend = await startApiStandIn()
    const bodies: Record<string, unknown>[] = []
    aisend.answer = ({ body }, response) => {
      bodies.push(body as Record<string, unknown>)
      response.writeHead(200).end('{"id":"as_1"}')
    }
    await createAisendApi({ apiUrl: aisend.apiUrl, apiKey: 'key' }).sending.send(email, 'key')
    aisend.close()
    assert.deepEqual(bodies[0]?.['metadata'], { ...email.metadata, external_id: 'order-1' })
    assert.equal(bodies[0]?.['externalId'], undefined)
  })
})

describe('the ID of an email in a registration', () => {
  const names: readonly (readonly [provider: string, names: readonly string[], id: string])[] = [
    [
      'sendgrid',
      [
        '14c5d75ce93.dfd.64b469',
        '14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0',
        '<14c5d75ce93.dfd.64b469@ismtpd-555>',
        '<14c5d75ce93.dfd.64b469>',
        '14c5d75ce93.dfd.64b469@geopod-ismtpd-3-2',
      ],
      '14c5d75ce93.dfd.64b469',
    ],
    ['mailgun', ['<2013.1@example.com>', '2013.1@example.com'], '2013.1@example.com'],
    [
      'ses',
      ['0102-abc-000000', '<0102-abc-000000@eu-west-1.amazonses.com>', '0102-abc-000000@email.amazonses.com'],
      '0102-abc-000000',
    ],
    [
      'postmark',
      ['883953f4-6105-42a2-a16a-77a8eac79483', '<883953f4-6105-42a2-a16a-77a8eac79483@mtasv.net>'],
      '883953f4-6105-42a2-a16a-77a8eac79483',
    ],
  ]
  for (const [provider, spellings, id] of names) {
    it(`is that of the webhooks of ${provider}, in whatever spelling`, () => {
      assert.deepEqual(
        spellings.map((named) => emailIdOf(provider, named)),
        spellings.map(() => id),
      )
    })
  }
})
