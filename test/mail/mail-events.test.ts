import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { eventsOf, receivedAt, statusMail, textMail } from './mails.ts'

const email = { id: 're_1', provider: 'resend', recipients: ['ada@example.com', 'bob@example.com'] }

describe('the event of a report', () => {
  it('belongs to the email that was found, of whichever provider, else to provider mail under the Message-ID', async () => {
    const [known] = await eventsOf(statusMail(), { email, account: 'eu' })
    assert.deepEqual([known?.provider, known?.emailId, known?.account], ['resend', 're_1', undefined])
    const [unknown] = await eventsOf(statusMail(), { project: 'shop', account: 'eu' })
    assert.deepEqual(
      [unknown?.provider, unknown?.emailId, unknown?.account],
      ['shop:mail', 'sent-1@app.example.com', 'eu'],
    )
    const [named] = await eventsOf(statusMail(), { returnPathId: 'order-7' })
    assert.equal(named?.emailId, 'order-7')
  })

  it('says what became of the email: over, delayed, delivered, or nothing', async () => {
    const typeOf = async (action: string, status: string, diagnostic: string) => {
      const [event] = await eventsOf(statusMail({ action, status, diagnostic }), { email })
      const bounce = event?.bounce
      return (
        event && [
          event.type,
          ...(bounce ? [bounce.class, bounce.code, bounce.isOver, judgeBounce(bounce).outcome] : [event.response]),
        ]
      )
    }
    assert.deepEqual(await typeOf('failed', '5.1.1', '550 5.1.1 No such user'), [
      'bounced',
      'hard',
      '5.1.1',
      true,
      'bounced',
    ])
    assert.deepEqual(await typeOf('failed', '5.0.0', '552 5.2.2 Over quota'), [
      'bounced',
      'soft',
      '5.2.2',
      true,
      'failed',
    ])
    assert.deepEqual(await typeOf('failed', '4.4.7', ''), ['bounced', 'soft', '4.4.7', true, 'failed'])
    assert.deepEqual(await typeOf('delayed', '4.4.1', 'connection timed out'), [
      'bounced',
      'soft',
      '4.4.1',
      false,
      'deferred',
    ])
    assert.deepEqual(await typeOf('delivered', '2.0.0', '250 2.0.0 OK'), ['delivered', '250 2.0.0 OK'])
    assert.equal(await typeOf('relayed', '2.0.0', ''), undefined)
    assert.equal(await typeOf('expanded', '2.0.0', ''), undefined)
  })

  it('is about a recipient of the email alone: an address that it forwards to, or that was made up, is suppressed for nobody', async () => {
    const recipientOf = async (fields: Parameters<typeof statusMail>[0], recipients = email.recipients) =>
      (await eventsOf(statusMail(fields), { email: { ...email, recipients } }))[0]?.recipient
    assert.equal(await recipientOf({ recipient: 'bob@example.com' }), 'bob@example.com')
    assert.equal(
      await recipientOf({ recipient: 'forwarded@example.net', original: 'ada@example.com' }),
      'ada@example.com',
    )
    assert.equal(await recipientOf({ recipient: 'forwarded@example.net' }), null)
    assert.equal(await recipientOf({ recipient: 'forwarded@example.net' }, ['ada@example.com']), 'ada@example.com')
    assert.equal(await recipientOf({ recipient: 'ada@example.com' }, []), 'ada@example.com')
  })

  it('of no email that is known is kept only for an address that must be suppressed', async () => {
    const nameless = { messageId: '', to: 'ada@example.com' }
    const [hard] = await eventsOf(statusMail({ ...nameless, diagnostic: '550 5.1.1 No such user' }))
    assert.match(hard?.emailId ?? '', /^unknown:mail:/)
    assert.deepEqual(await eventsOf(statusMail({ ...nameless, status: '4.4.7' })), [])
    assert.deepEqual(await eventsOf(statusMail({ ...nameless, action: 'delivered', status: '2.0.0' })), [])
  })

  it('of an automatic reply proves the delivery and suppresses nobody', async () => {
    const raw = textMail('Away.', [
      'From: ada@example.com',
      'Subject: Automatic reply: Hello',
      'In-Reply-To: <sent-1@app.example.com>',
    ])
    const [event] = await eventsOf(raw, { email })
    assert.deepEqual(
      [
        event?.type,
        event?.recipient,
        event && judgeBounce(event.bounce).reason,
        event && judgeBounce(event.bounce).outcome,
      ],
      ['bounced', 'ada@example.com', 'automatic_reply', 'none'],
    )
    assert.deepEqual(await eventsOf(raw), [], 'of an email that nobody knows')
  })

  it('is no later than its receipt, and holds nothing of what the email said', async () => {
    const [event] = await eventsOf(Buffer.from(statusMail().toString().replace('1 Nov 2026', '1 Nov 2056')))
    assert.equal(event?.occurredAt, receivedAt)
    assert.equal((await eventsOf(statusMail()))[0]?.occurredAt, Date.UTC(2026, 10, 1, 10))
    assert.doesNotMatch(event?.payload ?? '', /content stays out/)
    assert.equal(event?.subject, 'Hello')
  })
})
