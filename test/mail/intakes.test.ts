import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import { createMailboxActivities } from '../../src/activities/create-mailbox-activities.ts'
import { readConfig } from '../../src/config.ts'
import { insertEvents } from '../../src/db/events.ts'
import { createAppend } from '../../src/inbox/append-events.ts'
import type { ReceiveMail } from '../../src/mail/receive-mail.ts'
import { createSmtpIntake } from '../../src/mail/smtp-intake.ts'
import { createMailboxOpener } from '../../src/mailboxes/mailbox.ts'
import { receiveMailOf } from '../../src/start-mail.ts'
import { onAttempt } from '../activities/attempt.ts'
import { quietMetrics } from '../api/served.ts'
import { quietLog } from '../quiet.ts'
import { useDatabase } from '../stack.ts'
import { ImapStandIn } from '../stand-ins/imap.ts'
import { statusMail } from './mails.ts'

describe('a report that comes by several intakes', () => {
  const { db } = useDatabase('emails, events, mailboxes')
  const config = readConfig({
    ...{ MAIL_SMTP_PORT: '2525', MAIL_RECIPIENTS: 'bounces.example.com', MAIL_RECIPIENTS_SHOP: 'bounces.shop.example' },
    ...{ PROJECTS: 'shop:mail/shop', MAIL_RETURN_PATH: 'bounce+{id}@bounces.example.com' },
  })
  const metrics = quietMetrics()
  const server = new ImapStandIn()
  let port: number
  before(async () => {
    port = await server.listen()
  })
  after(() => server.close())

  const receiveMail: ReceiveMail = (mail) => {
    const insert: Parameters<typeof createAppend>[0]['insert'] = (events) => insertEvents(db, events, () => false)
    const append = createAppend({ metrics, insert, maxEventAgeMs: Number.POSITIVE_INFINITY })
    return receiveMailOf(config, { db, metrics, inbox: { append }, clock: Date.now })(mail)
  }
  const report = statusMail({ recipient: 'ada@example.com', diagnostic: '550 5.1.1 no such user' })

  async function bySmtp(to: string): Promise<void> {
    const { smtp } = config.mail
    assert.ok(smtp)
    const intake = createSmtpIntake({ settings: { ...smtp, port: 0 }, receiveMail, log: quietLog })
    const { port } = await intake.listen()
    const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true })
    await transport.sendMail({ envelope: { from: '', to }, raw: report })
    transport.close()
    await intake.close({ graceMs: 1_000 })
  }

  function byImap() {
    const mailbox = { name: 'default', project: 'default', account: null, everyMs: 1, isSecure: false, folder: 'INBOX' }
    const login = { host: '127.0.0.1', port, user: server.user, login: server.login }
    const activities = createMailboxActivities({
      ...{ db, openMailbox: createMailboxOpener(Date.now), receiveMail, clock: Date.now },
      mailboxes: [{ ...mailbox, ...login, after: { do: 'keep' } }],
    })
    return onAttempt(1, () => activities.readMailbox({ mailbox: 'default' }))
  }

  const stored = () =>
    db.event.findMany({ select: { provider: true, account: true, emailId: true, type: true, recipient: true } })

  it('is stored once, about the email that the return path names', async () => {
    await bySmtp('bounce+em_1@bounces.example.com')
    const events = await stored()
    assert.deepEqual(events, [
      { provider: 'mail', account: null, emailId: 'em_1', type: 'bounced', recipient: 'ada@example.com' },
    ])
    await bySmtp('bounce+em_1@bounces.example.com')
    // The mail server that received it writes to whom.
    server.inbox.add(Buffer.concat([Buffer.from('Delivered-To: bounce+em_1@bounces.example.com\n'), report]))
    const { mails, received, duplicates } = await byImap()
    assert.deepEqual([mails, received, duplicates], [1, 0, 1])
    assert.deepEqual(await stored(), events)
  })

  it('is about an email of the project that its recipient belongs to', async () => {
    await db.$executeRaw`
      INSERT INTO emails (id, provider, first_received_at, metadata)
      VALUES ('<sent-1@app.example.com>', 'shop:mail', now(), '{"message-id":"sent-1@app.example.com"}')`
    await bySmtp('bounces@bounces.shop.example')
    const [event] = await stored()
    assert.deepEqual([event?.provider, event?.emailId], ['shop:mail', '<sent-1@app.example.com>'])
  })
})
