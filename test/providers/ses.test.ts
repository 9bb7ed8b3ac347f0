import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { VerificationUnavailableError } from '../../src/providers/provider.ts'
import { generateSesTopic, signSes } from '../../src/providers/ses/sample.ts'
import { snsMessageIn } from '../../src/providers/ses/sns.ts'
import { createSes, isSesTopic } from '../../src/providers/ses/webhook.ts'
import { outcomeOf, receivedAt } from './adapter.ts'
import { documented } from './fixtures/ses.ts'
import { certificate, certificateUrl, signedWhen, version1, version2 } from './fixtures/sns.ts'

/** A stand-in for Amazon: records the fetched URLs and answers with `answer`. */
function amazonStandIn(answer: (url: string) => Response = () => new Response(certificate)) {
  const fetched: string[] = []
  const fetch: typeof globalThis.fetch = async (input) => {
    fetched.push(String(input))
    return answer(String(input))
  }
  return { fetched, fetch }
}

const topics = [version1.TopicArn, version2.TopicArn]

describe('the signature of Amazon SNS', () => {
  const verifying = (standIn = amazonStandIn(), clock = () => signedWhen) => {
    const ses = createSes({ fetch: standIn.fetch, clock })
    return async (message: object, allowed = topics) => ses.verify(Buffer.from(JSON.stringify(message)), {}, allowed)
  }

  it('is accepted in versions 1 and 2 with the certificate that Amazon published', async () => {
    const verify = verifying()
    assert.equal(await verify(version1), true)
    assert.equal(await verify(version2), true)
    const { SigningCertURL, ...rest } = version1
    assert.equal(await verify({ ...rest, SigningCertUrl: SigningCertURL }), true, 'as Lambda spells it')
  })

  it('is refused when a signed field or the version is changed', async () => {
    const verify = verifying()
    for (const field of ['Message', 'MessageId', 'Timestamp', 'Signature'] as const) {
      assert.equal(await verify({ ...version2, [field]: `x${version2[field]}` }), false, field)
    }
    assert.equal(await verify({ ...version2, Subject: 'added' }), false)
    assert.equal(await verify({ ...version2, SignatureVersion: '1' }), false)
    assert.equal(await verify({ ...version2, SignatureVersion: '3' }), false)
    assert.equal(await verify({ ...version1, TopicArn: version2.TopicArn }), false)
  })

  it('is refused for a topic that is not configured, and nothing is fetched', async () => {
    const standIn = amazonStandIn()
    assert.equal(await verifying(standIn)(version1, [version2.TopicArn]), false)
    assert.equal(await verifying(standIn)(version1, []), false)
    assert.deepEqual(standIn.fetched, [])
  })

  it("is verified with a certificate from the topic's region of Amazon only", async () => {
    const standIn = amazonStandIn()
    const verify = verifying(standIn)
    const elsewhere = [
      certificateUrl.replace('https:', 'http:'),
      certificateUrl.replace('us-east-2', 'us-east-1'),
      certificateUrl.replace('amazonaws.com', 'amazonaws.com.evil.example'),
      certificateUrl.replace('sns.us-east-2.', 'evil.'),
      certificateUrl.replace('sns.us-east-2', 'sns.us-east-2@evil.example/'),
      certificateUrl.replace('amazonaws.com', 'amazonaws.com:8443'),
      certificateUrl.replace('https://', 'https://user@'),
      certificateUrl.replace('SimpleNotificationService-', 'bucket/SimpleNotificationService-'),
      `${certificateUrl}?x=.pem`,
      certificateUrl.replace('.pem', '.key'),
      'file:///etc/passwd',
      '',
    ]
    for (const SigningCertURL of elsewhere) {
      assert.equal(await verify({ ...version1, SigningCertURL }), false, SigningCertURL)
    }
    assert.deepEqual(standIn.fetched, [])
  })

  it('is verified with a certificate that is fetched once a day', async () => {
    const standIn = amazonStandIn()
    let now = signedWhen
    const verify = verifying(standIn, () => now)
    await Promise.all([verify(version1), verify(version2), verify(version1)])
    assert.deepEqual(standIn.fetched, [certificateUrl])
    now += 25 * 3_600_000
    assert.equal(await verify(version1), true)
    assert.equal(standIn.fetched.length, 2)
  })

  it('covers fields without line breaks only: a part of one cannot be moved to another', async () => {
    const text = ({ Subject, ...message }: typeof version2 & { Subject: string }) => ({
      ...message,
      MessageId: `${message.MessageId}\nSubject\n${Subject}`,
    })
    const signedAlike = text({ ...version2, Subject: 'subject' })
    assert.equal(snsMessageIn(Buffer.from(JSON.stringify(signedAlike))), null)
    for (const field of ['MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Token', 'SubscribeURL']) {
      const message = { ...version2, [field]: 'a\nb' }
      assert.equal(snsMessageIn(Buffer.from(JSON.stringify(message))), null, field)
    }
  })

  it('costs few requests whatever strangers send, while genuine messages are verified', async () => {
    const standIn = amazonStandIn((url) =>
      url === certificateUrl ? new Response(certificate) : new Response('', { status: 404 }),
    )
    const verify = verifying(standIn)
    assert.equal(await verify(version1), true)
    const invented = (n: number) => ({ ...version1, SigningCertURL: certificateUrl.replace('.pem', `${n}.pem`) })
    const outcomes = await Promise.allSettled(Array.from({ length: 500 }, (_, n) => verify(invented(n % 250))))
    assert.ok(standIn.fetched.length <= 11, `${standIn.fetched.length} requests`)
    assert.ok(outcomes.every((outcome) => outcome.status === 'rejected' || outcome.value === false))
    assert.equal(await verify(invented(0)), false)
    assert.equal(await verify(version1), true)
    assert.ok(standIn.fetched.length <= 11)
  })

  it('is neither accepted nor refused while the certificate cannot be fetched, which the next message retries', async () => {
    const answers = [new Response('', { status: 500 }), new Response('<html>'), new Response(certificate)]
    const verify = verifying(amazonStandIn(() => answers.shift() ?? new Response('', { status: 500 })))
    await assert.rejects(verify(version1), VerificationUnavailableError)
    await assert.rejects(verify(version1), VerificationUnavailableError)
    assert.equal(await verify(version1), true)
  })

  it('is not verified with an expired certificate', async () => {
    const verify = verifying(amazonStandIn(), () => receivedAt)
    await assert.rejects(verify(version1), VerificationUnavailableError)
  })

  it('is refused when the body is not an SNS message', async () => {
    const ses = createSes({ ...amazonStandIn(), clock: Date.now })
    for (const body of ['', 'null', '[]', '{}', '\u0000', JSON.stringify({ ...version1, Message: 1 })]) {
      assert.equal(await ses.verify(Buffer.from(body), {}, topics), false, body)
    }
  })

  it('may be made by a stand-in for SNS, whose key is configured with the topic', async () => {
    const { accepted, signing } = generateSesTopic()
    const standIn = amazonStandIn()
    const ses = createSes({ ...standIn, clock: Date.now })
    const { body } = signSes(JSON.stringify(documented.send), signing, receivedAt)
    assert.equal(await ses.verify(Buffer.from(body), {}, [accepted]), true)
    assert.equal(await ses.verify(Buffer.from(body.replace('ConfigSet', 'x')), {}, [accepted]), false)
    assert.deepEqual(standIn.fetched, [])
  })

  it('is configured with valid ARNs of topics', () => {
    const valid = [
      ...topics,
      'arn:aws-us-gov:sns:us-gov-west-1:123456789012:t',
      'arn:aws:sns:eu-west-1:123456789012:t.fifo',
    ]
    for (const entry of [...valid, generateSesTopic().accepted]) assert.ok(isSesTopic(entry), entry)
    for (const entry of [
      '',
      'topic',
      'arn:aws:sqs:eu-west-1:123456789012:t',
      `${topics[0]}:subscription`,
      `${topics[0]}=x`,
    ]) {
      assert.ok(!isSesTopic(entry), entry)
    }
  })
})

describe('the handshake of Amazon SNS', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const topic = 'arn:aws:sns:us-west-2:123456789012:MyTopic'
  const allowed = [`${topic}=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`]

  /** Signed as in the SNS developer guide: names and values of the fields in alphabetical order, one per line. */
  function confirmation(changed: Record<string, string> = {}): Buffer {
    const fields = {
      Message: 'You have chosen to subscribe to the topic.\nTo confirm the subscription, visit the SubscribeURL.',
      MessageId: '165545c9-2a5c-472c-8df2-7ff2be2b3b1b',
      SubscribeURL: `https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${topic}&Token=2336412f37`,
      Timestamp: '2012-04-26T20:45:04.751Z',
      Token: '2336412f37',
      TopicArn: topic,
      Type: 'SubscriptionConfirmation',
      ...changed,
    }
    const text = Object.entries(fields).map(([name, value]) => `${name}\n${value}\n`)
    const Signature = sign('sha256', Buffer.from(text.join('')), privateKey).toString('base64')
    return Buffer.from(JSON.stringify({ ...fields, Signature, SignatureVersion: '2', SigningCertURL: certificateUrl }))
  }

  it('confirms a signed subscription of a configured topic, and holds no events', async () => {
    const standIn = amazonStandIn(() => new Response('<ConfirmSubscriptionResponse/>'))
    const ses = createSes({ ...standIn, clock: Date.now })
    const body = confirmation()
    assert.equal(await ses.verify(body, {}, allowed), true)
    assert.deepEqual(standIn.fetched, [], 'not before it is verified')
    await ses.answerHandshake?.(body)
    assert.equal(standIn.fetched.length, 1)
    assert.match(standIn.fetched[0] ?? '', /^https:\/\/sns\.us-west-2\.amazonaws\.com\/\?Action=ConfirmSubscription/)
    assert.deepEqual(ses.parse(body, receivedAt, {}), [])
  })

  it('fetches URLs of SNS in the region of the topic only', async () => {
    const standIn = amazonStandIn()
    const ses = createSes({ ...standIn, clock: Date.now })
    for (const SubscribeURL of [
      'http://169.254.169.254/latest',
      'https://sns.us-west-2.amazonaws.com.evil.example/',
      '',
    ]) {
      await assert.rejects(async () => ses.answerHandshake?.(confirmation({ SubscribeURL })), /SubscribeURL/)
    }
    assert.deepEqual(standIn.fetched, [])
  })

  it('makes SNS retry when Amazon does not answer', async () => {
    const ses = createSes({ ...amazonStandIn(() => new Response('', { status: 500 })), clock: Date.now })
    await assert.rejects(async () => ses.answerHandshake?.(confirmation()), VerificationUnavailableError)
  })

  it('does nothing for a notification or an UnsubscribeConfirmation', async () => {
    const standIn = amazonStandIn()
    const ses = createSes({ ...standIn, clock: Date.now })
    await ses.answerHandshake?.(Buffer.from(JSON.stringify(version1)))
    const ending = confirmation({ Type: 'UnsubscribeConfirmation' })
    await ses.answerHandshake?.(ending)
    assert.deepEqual(ses.parse(ending, receivedAt, {}), [])
    assert.deepEqual(standIn.fetched, [])
  })
})

describe('the events of Amazon SES', () => {
  const ses = createSes({ ...amazonStandIn(), clock: Date.now })
  const parse = (event: unknown, MessageId = 'sns-1') =>
    ses.parse(
      Buffer.from(
        JSON.stringify({ ...version1, MessageId, Message: typeof event === 'string' ? event : JSON.stringify(event) }),
      ),
      receivedAt,
      {},
    )
  const one = 'recipient@example.com'
  const expected: Record<keyof typeof documented, object[]> = {
    bounceNotification: [{ type: 'bounced', recipient: 'jane@example.com', bounce: 'hard 5.1.1 bounced' }],
    bounceOfTwo: [
      { type: 'bounced', recipient: 'jane@example.com', bounce: 'hard null bounced' },
      { type: 'bounced', recipient: 'richard@example.com', bounce: 'hard null bounced' },
    ],
    complaintNotification: [{ type: 'complained', recipient: 'richard@example.com' }],
    deliveryNotification: [{ type: 'delivered', recipient: 'jane@example.com' }],
    send: [{ type: 'sent', recipient: one }],
    bounce: [{ type: 'bounced', recipient: one, bounce: 'hard 5.1.1 bounced' }],
    deliveryDelay: [{ type: 'bounced', recipient: one, bounce: 'soft 4.4.1 deferred' }],
    reject: [{ type: 'bounced', recipient: one, bounce: 'soft null failed' }],
    renderingFailure: [{ type: 'bounced', recipient: one, bounce: 'soft null failed' }],
    open: [{ type: 'opened', recipient: one, human: true }],
    click: [{ type: 'clicked', recipient: one, human: true }],
    subscription: [{ type: 'unsubscribed', recipient: one }],
  }
  for (const [name, event] of Object.entries(documented)) {
    it(`${name}: is mapped to our event`, () => {
      const read = parse(event)
      assert.deepEqual(read.map(outcomeOf), expected[name as keyof typeof documented])
      for (const { emailId, to, payload } of read) {
        assert.equal(emailId, event.mail.messageId)
        assert.deepEqual(to, event.mail.destination)
        assert.deepEqual(JSON.parse(payload), event)
      }
    })
  }

  it('have the time of the event, not of the email', () => {
    assert.equal(parse(documented.bounce)[0]?.occurredAt, Date.UTC(2017, 7, 5, 0, 41, 2, 669))
    assert.equal(parse(documented.send)[0]?.occurredAt, Date.UTC(2017, 7, 5, 0, 40, 2, 12))
  })

  it('have the feedback ID of their bounce or complaint, which is the same by event publishing and as a notification', () => {
    const { eventType: _, ...rest } = documented.bounce
    assert.equal(
      parse(documented.bounce, 'sns-1')[0]?.id,
      parse({ notificationType: 'Bounce', ...rest }, 'sns-2')[0]?.id,
    )
    const ids = parse(documented.bounceOfTwo).map(({ id }) => id)
    assert.equal(new Set(ids).size, 2)
    assert.deepEqual(
      parse(documented.bounceOfTwo, 'sns-2').map(({ id }) => id),
      ids,
    )
    assert.equal(parse(documented.open, 'sns-3')[0]?.id, 'sns-3')
  })

  it('name no recipient for a complaint that lists several', () => {
    const complainedRecipients = documented.complaintNotification.mail.destination.map((emailAddress) => ({
      emailAddress,
    }))
    const complaint = { ...documented.complaintNotification.complaint, complainedRecipients }
    assert.equal(parse({ ...documented.complaintNotification, complaint })[0]?.recipient, null)
  })

  it('are soft or hard by the type of the bounce', () => {
    const classOf = (bounceType: string) =>
      parse({ ...documented.bounce, bounce: { ...documented.bounce.bounce, bounceType } })[0]?.bounce?.class
    assert.deepEqual(['Permanent', 'Transient', 'Undetermined'].map(classOf), ['hard', 'soft', 'soft'])
  })

  it('are not complaints for not-spam reports and suppressed addresses', () => {
    const complaining = (changed: object) => {
      const complaint = { ...documented.complaintNotification.complaint, ...changed }
      return parse({ ...documented.complaintNotification, complaint }).map(outcomeOf)[0]
    }
    const recipient = 'richard@example.com'
    assert.deepEqual(complaining({ complaintFeedbackType: 'not-spam' }), { type: 'not-spam', recipient })
    assert.deepEqual(complaining({ complaintSubType: 'OnAccountSuppressionList' }), {
      type: 'bounced',
      recipient,
      bounce: 'hard null bounced',
    })
  })

  it('are no complaints for reports that no person made', () => {
    for (const complaintFeedbackType of ['auth-failure', 'virus']) {
      const complaint = { ...documented.complaintNotification.complaint, complaintFeedbackType }
      assert.equal(parse({ ...documented.complaintNotification, complaint })[0]?.type, complaintFeedbackType)
    }
  })

  it('are absent from the messages that SES sends when a topic is chosen', () => {
    assert.deepEqual(parse('Successfully validated SNS topic for Amazon SES event publishing.'), [])
    assert.deepEqual(parse({ notificationType: 'AmazonSnsSubscriptionSucceeded', message: 'You have subscribed' }), [])
  })

  it('are one for each recipient of a delivery and of a delay', () => {
    const recipients = ['jane@example.com', 'mary@example.com']
    const { delivery } = documented.deliveryNotification
    const delivered = parse({ ...documented.deliveryNotification, delivery: { ...delivery, recipients } })
    assert.deepEqual(
      delivered.map(({ recipient }) => recipient),
      recipients,
    )
    assert.equal(new Set(delivered.map(({ id }) => id)).size, 2)
    assert.equal(delivered[0]?.response, '250 ok:  Message 64111812 accepted')
    const delayedRecipients = recipients.map((emailAddress) => ({ emailAddress, status: '4.2.2' }))
    const deliveryDelay = { ...documented.deliveryDelay.deliveryDelay, delayedRecipients }
    const delayed = parse({ ...documented.deliveryDelay, deliveryDelay })
    assert.deepEqual(
      delayed.map(({ recipient, bounce }) => [recipient, bounce?.code]),
      recipients.map((one) => [one, '4.2.2']),
    )
  })

  it('carry the tags of the sender, not those of SES', () => {
    const mail = { ...documented.send.mail, tags: { 'ses:configuration-set': ['ConfigSet'], campaign: ['a', 'b'] } }
    assert.deepEqual(parse({ ...documented.send, mail })[0]?.tags, ['campaign:a', 'campaign:b'])
  })

  it('name the receiving host where it is not Amazon’s own', () => {
    const hostOf = (reportingMTA: string) =>
      parse({ ...documented.bounce, bounce: { ...documented.bounce.bounce, reportingMTA } })[0]?.bounce?.host
    assert.equal(hostOf('dns; mx.example.com'), 'mx.example.com')
    assert.equal(hostOf('dns; a8-70.smtp-out.amazonses.com'), null)
  })

  it('of a subscription name the list, and each topic that has changed', () => {
    const lists = (preferences: object) => {
      const subscription = { ...documented.subscription.subscription, ...preferences }
      return parse({ ...documented.subscription, subscription }).map(({ type, list }) => `${type} ${list}`)
    }
    const preferences = (unsubscribeAll: boolean, ...statuses: string[]) => ({
      unsubscribeAll,
      topicSubscriptionStatus: statuses.map((subscriptionStatus, at) => ({ topicName: `t${at}`, subscriptionStatus })),
    })
    assert.deepEqual(lists({}), ['unsubscribed ContactListName'])
    assert.deepEqual(lists({ newTopicPreferences: preferences(true, 'OptOut') }), ['unsubscribed ContactListName'])
    const [oldTopicPreferences, newTopicPreferences] = [
      preferences(false, 'OptIn', 'OptOut', 'OptIn'),
      preferences(false, 'OptOut', 'OptIn', 'OptIn'),
    ]
    assert.deepEqual(lists({ oldTopicPreferences, newTopicPreferences }), [
      'unsubscribed ContactListName/t0',
      'resubscribed ContactListName/t1',
    ])
    const back = { oldTopicPreferences: preferences(true), newTopicPreferences: preferences(false) }
    assert.deepEqual(lists(back), ['resubscribed ContactListName'])
  })

  it('are refused for inbound emails and for bodies that are not events', () => {
    assert.throws(() => parse({ notificationType: 'Received', mail: documented.send.mail }), /inbound/)
    assert.throws(() => parse('Hello world'), /not JSON/)
    assert.throws(() => parse({ eventType: 'Send' }), /no mail.messageId/)
    assert.throws(() => ses.parse(Buffer.from('{"eventType":"Send"}'), receivedAt, {}), /raw message delivery/)
  })
})
