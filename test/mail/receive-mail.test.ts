import assert from 'node:assert/strict'
import { insertEvents } from '../../src/db/events.ts'
import { erasedAddress } from '../../src/domain/address.ts'
import type { MailAttachment } from '../../src/domain/mail-attachment.ts'
import { maxMailBytes } from '../../src/domain/mail-size.ts'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import { createReceiveMail, type ReportSender } from '../../src/mail/receive-mail.ts'
import { mailEntry } from '../../src/providers/mail/entry.ts'
import { createWebhookSources } from '../../src/providers/registry.ts'
import { absentDatabase, InboxInMemory, problemIn, quietMetrics, useApi } from '../api/served.ts'
import { tokensInMemory } from '../providers/adapter.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'
import { fixture, statusMail, textMail } from './mails.ts'

describe('a mail is received', () => {
  const database = useDatabase('emails, events, event_identities')
  let inbox: InboxInMemory
  let metrics: ReturnType<typeof quietMetrics>
  beforeEach(() => {
    inbox = new InboxInMemory()
    metrics = quietMetrics()
  })

  const receive = (
    raw: Buffer,
    {
      project = 'default',
      to = null,
      ...more
    }: Partial<Parameters<typeof createReceiveMail>[0]> & { project?: string; to?: string[] | null } = {},
  ) => {
    const parts = { db: database.db, inbox, metrics, clock: Date.now, returnPaths: [], ...more }
    return createReceiveMail(parts)({ raw, envelope: to && { to }, project, account: null })
  }
  const kinds = async () =>
    Object.fromEntries((await metrics.mailsTotal.get()).values.map(({ labels, value }) => [labels.kind, value]))
  const store = (
    id: string,
    provider: string,
    { metadata = {}, to = ['ada@example.com'], externalId = null as string | null } = {},
  ) =>
    database.db.email.create({
      data: { id, provider, to, recipients: to, recipientDomain: 'example.com', metadata, externalId },
    })
  const owner = () => inbox.events.map(({ provider, emailId }) => `${provider} ${emailId}`).at(-1)

  it('for the email that has its Message-ID as ID, in metadata, or as the application’s own ID; in its project alone', async () => {
    await receive(statusMail())
    assert.equal(owner(), 'mail sent-1@app.example.com')
    await store('re_1', 'resend', { externalId: 'sent-1@app.example.com' })
    await receive(statusMail({ diagnostic: '550 one' }))
    assert.equal(owner(), 'resend re_1')
    await store('sent-1@app.example.com', 'mailgun')
    await receive(statusMail({ diagnostic: '550 two' }))
    assert.equal(owner(), 'mailgun sent-1@app.example.com')
    await store('ses_1', 'shop:ses', { metadata: { 'message-id': 'sent-1@app.example.com' } })
    await receive(statusMail({ diagnostic: '550 three' }), { project: 'shop' })
    assert.equal(owner(), 'shop:ses ses_1')
  })

  it('for an email of which no event is applied yet', async () => {
    await insertEvents(
      database.db,
      [receivedEvent({ provider: 'mailgun', emailId: 'sent-1@app.example.com' })],
      () => false,
    )
    await receive(statusMail())
    assert.equal(owner(), 'mailgun sent-1@app.example.com')
  })

  it('for the email whose ID the return path has, in the envelope or in the headers', async () => {
    await store('Order-7', 'aisend')
    const returnPaths = ['bounce+{id}@bounces.example.com']
    const nameless = { messageId: '', to: 'ada@example.com' }
    await receive(statusMail(nameless), { returnPaths, to: ['bounce+Order-7@bounces.example.com'] })
    assert.equal(owner(), 'aisend Order-7')
    const header = 'Delivered-To: bounce+Order-8@bounces.example.com'
    await receive(statusMail({ ...nameless, headers: [header] }), { returnPaths })
    assert.equal(owner(), 'mail Order-8')
  })

  it('and dropped where a return path is set, and a bounce has none and is about no email that is known', async () => {
    const returnPaths = ['bounce+{id}@bounces.example.com']
    assert.deepEqual(await receive(statusMail(), { returnPaths }), { received: 0, duplicates: 0, reports: 0 })
    assert.deepEqual([inbox.events.length, await kinds()], [0, { unmatched: 1 }])
    await store('sent-1@app.example.com', 'mailgun')
    assert.equal((await receive(statusMail(), { returnPaths })).received, 1)
  })

  it('once, however often it comes', async () => {
    assert.deepEqual(await receive(statusMail()), { received: 1, duplicates: 0, reports: 0 })
    assert.deepEqual(await receive(statusMail()), { received: 0, duplicates: 1, reports: 0 })
    assert.deepEqual(await kinds(), { delivery: 2 })
  })

  it('without naming whom a report is about again where the person was erased', async () => {
    await store('sent-1@app.example.com', 'mailgun', { to: [erasedAddress, 'bob@example.com'] })
    await receive(statusMail())
    assert.equal(inbox.events[0]?.recipient, 'bob@example.com')
  })

  it('with its DMARC reports, which are stored for its project, also where it is nothing else', async () => {
    const stored: [ReportSender, string | undefined][] = []
    const storeReports = async ([attachment]: readonly MailAttachment[], from: ReportSender) =>
      stored.push([from, attachment?.contentType])
    const mail = fixture('parsedmarc/aggregate-zip.eml')
    assert.equal((await receive(mail, { storeReports, project: 'shop' })).reports, 1)
    const checked = Buffer.concat([
      Buffer.from('Authentication-Results: mx; spf=pass smtp.mailfrom=google.com\r\n'),
      mail,
    ])
    await receive(checked, { storeReports, authservId: 'mx' })
    await receive(mail, { storeReports, authservId: 'mx' })
    assert.deepEqual(stored, [
      [{ project: 'shop', authenticatedAs: null }, 'application/zip'],
      [{ project: 'default', authenticatedAs: 'google.com' }, 'application/zip'],
      [{ project: 'default', authenticatedAs: '' }, 'application/zip'],
    ])
    assert.deepEqual(await kinds(), { dmarc: 3 })
    await receive(textMail('Hello', ['From: ada@example.com', 'Subject: Hello']), { storeReports })
    assert.equal(stored.length, 3)
  })

  it('or not at all: what cannot be read is counted and not tried again, and an unavailable database is an error', async () => {
    const tooMany = Buffer.from(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(300)}`)
    assert.equal((await receive(tooMany)).received, 0)
    await receive(textMail('Hello', ['From: ada@example.com', 'Subject: Hello']))
    assert.deepEqual(await kinds(), { unreadable: 1, other: 1 })
    const db = absentDatabase()
    await assert.rejects(receive(statusMail(), { db }), DatabaseUnavailableError)
    await db.$disconnect()
    assert.equal(inbox.events.length, 0)
  })
})

describe('POST /webhooks/mail', () => {
  const database = useDatabase('emails, events, event_identities')
  const signing = mailEntry.generateSecret().accepted
  const whsec = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const served = useApi(() => {
    const secrets = new Map([
      ['mail', [signing, whsec]],
      ['mail/eu', ['a-token-of-the-mail-servers']],
    ])
    const dependencies = { clock: Date.now, fetch: assert.fail, tokens: tokensInMemory() }
    return {
      db: database.db,
      webhooks: createWebhookSources(secrets, dependencies, { accounts: new Map([['mail/eu', 'shop']]) }),
    }
  })
  const post = (body: Buffer | string, headers: Readonly<Record<string, string>>, path = 'mail') =>
    fetch(`${served.url}/webhooks/${path}`, {
      method: 'POST',
      body: body as string,
      headers: { 'content-type': 'message/rfc822', ...headers },
    })
  const basic = { authorization: `Basic ${Buffer.from(signing).toString('base64')}` }

  it('takes the bytes of a mail with basic authentication, a token, or a signature', async () => {
    assert.deepEqual(await (await post(statusMail(), basic)).json(), { received: 1, duplicates: 0 })
    const { headers, body } = mailEntry.sign(statusMail().toString(), whsec, Date.now())
    assert.deepEqual(await (await post(body, headers)).json(), { received: 0, duplicates: 1 })
    const token = { authorization: 'Bearer a-token-of-the-mail-servers' }
    assert.deepEqual(await (await post(statusMail({ diagnostic: '550' }), token, 'mail/eu')).json(), {
      received: 1,
      duplicates: 0,
    })
    assert.deepEqual(
      served.inbox.events.map(({ provider, account }) => [provider, account]),
      [
        ['mail', undefined],
        ['shop:mail', 'eu'],
      ],
    )
  })

  it('refuses other credentials, a changed body, what is no mail, and what is too large', async () => {
    const { headers, body } = mailEntry.sign(statusMail().toString(), whsec, Date.now())
    assert.equal((await post(`${body} `, headers)).status, 401)
    assert.equal(
      (await post(statusMail(), { authorization: `Basic ${Buffer.from('mail:another-password').toString('base64')}` }))
        .status,
      401,
    )
    assert.equal((await post(statusMail(), basic, 'mail/eu')).status, 401)
    assert.match((await problemIn(await post('{"type":"delivered"}', basic))).detail, /headers first/)
    const tooLarge = Buffer.concat([statusMail(), Buffer.alloc(maxMailBytes)])
    assert.match((await problemIn(await post(tooLarge, basic))).detail, /10 MiB/)
    assert.deepEqual(served.inbox.events, [])
  })

  it('takes a mail of 2 MiB, which other webhooks may not have', async () => {
    const large = Buffer.concat([statusMail(), Buffer.alloc(2 * 1_048_576, 'x')])
    assert.equal((await post(large, basic)).status, 200)
  })

  it('answers 503 while the database does not, so that the mail server keeps the mail', async () => {
    const db = absentDatabase()
    await served.restart({ db })
    assert.equal((await post(statusMail(), basic)).status, 503)
    await db.$disconnect()
  })

  it('stores the sample reports of the entry as their events', async () => {
    const { sampleFormat: format } = mailEntry
    const email = { id: format.emailIdOf('1'), to: ['ada@example.com'], subject: 'Hello', tags: [] }
    const facts = { id: 'e', recipient: 'ada@example.com', engagement: null, at: new Date(Date.UTC(2026, 10, 1)) }
    const bounce = { class: 'hard', code: '5.1.1', message: '550 5.1.1 No such user', isOver: true } as const
    for (const event of [
      { type: 'delivered', bounce: null },
      { type: 'bounced', bounce },
      { type: 'complained', bounce: null },
    ] as const) {
      const { headers, body } = mailEntry.sign(format.bodyOf([{ ...facts, ...event }], email), signing, Date.now())
      assert.equal((await post(body, headers)).status, 200)
    }
    const shown = served.inbox.events.map(({ type, emailId, recipient, bounce: stored }) => [
      type,
      emailId,
      recipient,
      stored?.code,
    ])
    assert.deepEqual(shown, [
      ['delivered', email.id, 'ada@example.com', undefined],
      ['bounced', email.id, 'ada@example.com', '5.1.1'],
      ['complained', email.id, 'ada@example.com', undefined],
    ])
  })
})
