import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { until } from '../until.ts'
import { EmailRig } from './email-rig.ts'

const reply = '550-5.7.26 Unauthenticated email from example.com is not accepted due to domain’s DMARC policy.'

describe('emails that are refused through the sender’s fault', () => {
  let rig: EmailRig
  beforeEach(async () => {
    rig = await EmailRig.start()
    const week = new Date(Date.now() + 7 * 86_400_000)
    await rig.db.recipientDomain.createMany({
      data: [
        { domain: 'gmail.com', mailboxProvider: 'gmail', foundBy: 'domain', expiresAt: week },
        { domain: 'shop.example', mailboxProvider: 'gmail', foundBy: 'mx', expiresAt: week },
        { domain: 'outlook.com', mailboxProvider: 'microsoft', foundBy: 'domain', expiresAt: week },
      ],
    })
  })
  afterEach(async () => {
    await rig.terminateIncidents()
    await rig.stop()
  })

  const watch = () => rig.watchForIncidents()

  type Outcome = Readonly<
    Partial<
      Record<'failureReason' | 'failureParty' | 'failureOutcome' | 'failureEvidence' | 'recipient', string | null>
    >
  >
  const delivered = { type: 'delivered' }
  const refused = {
    type: 'bounced',
    failureReason: 'authentication',
    failureParty: 'sender',
    failureOutcome: 'failed',
    failureEvidence: reply,
  }
  /** Stores events of as many emails. */
  const store = async (count: number, domain: string, outcome: Outcome & { type: string }, receivedAt = new Date()) => {
    const ids = Array.from({ length: count }, () => randomUUID())
    await rig.db.event.createMany({
      data: ids.map((id) => ({
        provider: 'aisend',
        eventId: id,
        emailId: `em_${id}`,
        occurredAt: receivedAt,
        receivedAt,
        appliedAt: receivedAt,
        recipient: `${id}@${domain}`,
        ...outcome,
      })),
    })
    return ids
  }
  const forgetRefusals = () =>
    rig.db.event.updateMany({ where: { type: 'bounced' }, data: { failureOutcome: null, failureParty: null } })

  it('raise one incident for the reason and the mailbox provider, with what to do, and end it when they stop', async () => {
    await store(2, 'gmail.com', delivered)
    await store(30, 'gmail.com', refused)
    await store(8, 'shop.example', refused)
    await store(10, 'outlook.com', delivered)
    assert.deepEqual(await watch(), { raised: ['sender_refused authentication/gmail'], cleared: [] })
    await until(() => rig.notices.length === 1)
    const [notice] = rig.notices
    assert.equal(
      notice?.detail,
      '38 of 40 emails to Gmail within an hour were refused: DMARC. Fix SPF, DKIM and DMARC of example.com: both must pass, ' +
        `and one must match the domain of the From address. The last reply: “${reply}”`,
    )
    await store(5, 'gmail.com', refused)
    assert.deepEqual(await watch(), { raised: [], cleared: [] })
    await forgetRefusals()
    assert.deepEqual((await watch()).cleared, ['sender_refused authentication/gmail'])
    await until(async () => (await rig.db.escalation.findFirst())?.state === 'resolved')
    assert.equal(rig.notices.length, 1)
  })

  it('raise nothing if they are few, a small share, older than an hour, or the fault of others', async () => {
    await store(4, 'outlook.com', refused)
    await store(5, 'gmail.com', refused)
    await store(45, 'gmail.com', delivered)
    await store(50, 'gmail.com', { ...refused, failureReason: 'unknown_recipient', failureParty: 'recipient' })
    await store(50, 'gmail.com', { ...refused, failureReason: 'greylisted', failureParty: 'receiver' })
    await store(50, 'gmail.com', { ...refused, failureReason: 'unsubscribed' })
    await store(50, 'outlook.com', refused, new Date(Date.now() - 3_700_000))
    assert.deepEqual(await watch(), { raised: [], cleared: [] })
  })

  it('count each recipient once, and not one whose delayed email was delivered after all', async () => {
    const delayed = { ...refused, failureReason: 'rate_limited', failureOutcome: 'deferred' }
    const ids = await store(10, 'gmail.com', delayed)
    for (const [n, id] of ids.entries()) {
      const about = { provider: 'aisend', emailId: `em_${id}`, recipient: `${id}@gmail.com`, occurredAt: new Date() }
      const again = { ...about, eventId: `again_${id}`, receivedAt: new Date(), ...delayed }
      await rig.db.event.create({ data: again })
      if (n < 4)
        await rig.db.event.create({ data: { ...again, eventId: `ok_${id}`, type: 'delivered', failureOutcome: null } })
    }
    assert.deepEqual((await watch()).raised, ['sender_refused rate_limited/gmail'])
    await until(() => rig.notices.length === 1)
    assert.match(rig.notices[0]?.detail ?? '', /^6 of 10 emails to Gmail within an hour were refused: rate limited\. /)
  })

  it('count by the email’s recipient where the event names none, and as other providers’ where the domain is not known', async () => {
    const ids = await store(5, '', { ...refused, recipient: null })
    await rig.db.email.createMany({
      data: ids.map((id) => ({ id: `em_${id}`, provider: 'aisend', recipientDomain: 'gmail.com' })),
    })
    await store(5, 'unknown.example', refused)
    assert.deepEqual((await watch()).raised.toSorted(), [
      'sender_refused authentication/gmail',
      'sender_refused authentication/other',
    ])
  })

  it('name the email provider where it refused to send', async () => {
    await store(6, 'gmail.com', { ...refused, failureReason: 'provider_refused', failureParty: 'provider' })
    await store(6, 'gmail.com', delivered)
    assert.deepEqual((await watch()).raised, ['sender_refused provider_refused/aisend'])
    await until(() => rig.notices.length === 1)
    assert.match(rig.notices[0]?.detail ?? '', /^6 of 12 emails through aisend within an hour were refused: /)
  })
})
