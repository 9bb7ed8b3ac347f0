import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { VerificationUnavailableError } from '../../src/providers/provider.ts'
import { createSes, generateSesTopic, isSesTopic, signSes } from '../../src/providers/ses.ts'
import { receivedAt, told } from './adapter.ts'
import { documented } from './fixtures/ses.ts'
import { certificate, certificateUrl, signedWhen, version1, version2 } from './fixtures/sns.ts'

/** Amazon, played: remembers what was fetched, and answers with what `answer` makes of it. */
function amazon(answer: (url: string) => Response = () => new Response(certificate)) {
  const fetched: string[] = []
  const fetch: typeof globalThis.fetch = async (input) => {
    fetched.push(String(input))
    return answer(String(input))
  }
  return { fetched, fetch }
}

const topics = [version1.TopicArn, version2.TopicArn]

describe('the signature of Amazon SNS', () => {
  const verifying = (played = amazon(), clock = () => signedWhen) => {
    const ses = createSes({ fetch: played.fetch, clock })
    return async (message: object, allowed = topics) => ses.verify(Buffer.from(JSON.stringify(message)), {}, allowed)
  }

  it('is accepted as Amazon made it, in versions 1 and 2, by the certificate that Amazon published', async () => {
    const verify = verifying()
    assert.equal(await verify(version1), true)
    assert.equal(await verify(version2), true)
    const { SigningCertURL, ...rest } = version1
    assert.equal(await verify({ ...rest, SigningCertUrl: SigningCertURL }), true, 'as Lambda spells it')
  })

  it('is refused when anything that it covers is another, or its version', async () => {
    const verify = verifying()
    for (const field of ['Message', 'MessageId', 'Timestamp', 'Signature'] as const) {
      assert.equal(await verify({ ...version2, [field]: `x${version2[field]}` }), false, field)
    }
    assert.equal(await verify({ ...version2, Subject: 'added' }), false)
    assert.equal(await verify({ ...version2, SignatureVersion: '1' }), false)
    assert.equal(await verify({ ...version2, SignatureVersion: '3' }), false)
    assert.equal(await verify({ ...version1, TopicArn: version2.TopicArn }), false)
  })

  it('of a topic that is not ours is refused, and nothing is fetched for it', async () => {
    const played = amazon()
    assert.equal(await verifying(played)(version1, [version2.TopicArn]), false)
    assert.equal(await verifying(played)(version1, []), false)
    assert.deepEqual(played.fetched, [])
  })

  it("looks for the certificate in the topic's own region of Amazon alone", async () => {
    const played = amazon()
    const verify = verifying(played)
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
    assert.deepEqual(played.fetched, [])
  })

  it('fetches the certificate once a day, however many messages come', async () => {
    const played = amazon()
    let now = signedWhen
    const verify = verifying(played, () => now)
    await Promise.all([verify(version1), verify(version2), verify(version1)])
    assert.deepEqual(played.fetched, [certificateUrl])
    now += 25 * 3_600_000
    assert.equal(await verify(version1), true)
    assert.equal(played.fetched.length, 2)
  })

  it('is no word either way while the certificate cannot be had, and is asked again', async () => {
    const answers = [new Response('', { status: 500 }), new Response('<html>'), new Response(certificate)]
    const verify = verifying(amazon(() => answers.shift() ?? new Response('', { status: 500 })))
    await assert.rejects(verify(version1), VerificationUnavailableError)
    await assert.rejects(verify(version1), VerificationUnavailableError)
    assert.equal(await verify(version1), true)
  })

  it('wants a certificate that is valid now', async () => {
    const verify = verifying(amazon(), () => receivedAt)
    await assert.rejects(verify(version1), VerificationUnavailableError)
  })

  it('is refused when the body is no message', async () => {
    const ses = createSes({ ...amazon(), clock: Date.now })
    for (const body of ['', 'null', '[]', '{}', '\u0000', JSON.stringify({ ...version1, Message: 1 })]) {
      assert.equal(await ses.verify(Buffer.from(body), {}, topics), false, body)
    }
  })

  it('may be of a stand-in for SNS, whose key stands behind the topic', async () => {
    const { accepted, signing } = generateSesTopic()
    const played = amazon()
    const ses = createSes({ ...played, clock: Date.now })
    const { body } = signSes(JSON.stringify(documented.send), signing, receivedAt)
    assert.equal(await ses.verify(Buffer.from(body), {}, [accepted]), true)
    assert.equal(await ses.verify(Buffer.from(body.replace('ConfigSet', 'x')), {}, [accepted]), false)
    assert.deepEqual(played.fetched, [])
  })

  it('wants topics that are ones', () => {
    const sound = [
      ...topics,
      'arn:aws-us-gov:sns:us-gov-west-1:123456789012:t',
      'arn:aws:sns:eu-west-1:123456789012:t.fifo',
    ]
    for (const entry of [...sound, generateSesTopic().accepted]) assert.ok(isSesTopic(entry), entry)
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

  /** Signed by the SNS developer guide: the names and values of these fields, a line each, in the order of the alphabet. */
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

  it('confirms a subscription that is signed, of a topic that is ours, and holds no events', async () => {
    const played = amazon(() => new Response('<ConfirmSubscriptionResponse/>'))
    const ses = createSes({ ...played, clock: Date.now })
    const body = confirmation()
    assert.equal(await ses.verify(body, {}, allowed), true)
    assert.deepEqual(played.fetched, [], 'not before it is known to be genuine')
    await ses.answerHandshake?.(body)
    assert.equal(played.fetched.length, 1)
    assert.match(played.fetched[0] ?? '', /^https:\/\/sns\.us-west-2\.amazonaws\.com\/\?Action=ConfirmSubscription/)
    assert.deepEqual(ses.parse(body, receivedAt, {}), [])
  })

  it('visits no URL but of SNS in the region of the topic', async () => {
    const played = amazon()
    const ses = createSes({ ...played, clock: Date.now })
    for (const SubscribeURL of [
      'http://169.254.169.254/latest',
      'https://sns.us-west-2.amazonaws.com.evil.example/',
      '',
    ]) {
      await assert.rejects(async () => ses.answerHandshake?.(confirmation({ SubscribeURL })), /SubscribeURL/)
    }
    assert.deepEqual(played.fetched, [])
  })

  it('asks SNS for another try when it does not answer', async () => {
    const ses = createSes({ ...amazon(() => new Response('', { status: 500 })), clock: Date.now })
    await assert.rejects(async () => ses.answerHandshake?.(confirmation()), VerificationUnavailableError)
  })

  it('does nothing for a notification, or for the end of a subscription', async () => {
    const played = amazon()
    const ses = createSes({ ...played, clock: Date.now })
    await ses.answerHandshake?.(Buffer.from(JSON.stringify(version1)))
    const ending = confirmation({ Type: 'UnsubscribeConfirmation' })
    await ses.answerHandshake?.(ending)
    assert.deepEqual(ses.parse(ending, receivedAt, {}), [])
    assert.deepEqual(played.fetched, [])
  })
})

describe('the events of Amazon SES', () => {
  const ses = createSes({ ...amazon(), clock: Date.now })
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
    bounceNotification: [{ type: 'bounced', recipient: 'jane@example.com', bounce: 'hard 5.1.1' }],
    bounceOfTwo: [
      { type: 'bounced', recipient: 'jane@example.com', bounce: 'hard null' },
      { type: 'bounced', recipient: 'richard@example.com', bounce: 'hard null' },
    ],
    complaintNotification: [{ type: 'complained', recipient: 'richard@example.com' }],
    deliveryNotification: [{ type: 'delivered', recipient: 'jane@example.com' }],
    send: [{ type: 'sent', recipient: one }],
    bounce: [{ type: 'bounced', recipient: one, bounce: 'hard 5.1.1' }],
    deliveryDelay: [{ type: 'bounced', recipient: null, bounce: 'soft null' }],
    reject: [{ type: 'bounced', recipient: null, bounce: 'soft null' }],
    renderingFailure: [{ type: 'bounced', recipient: null, bounce: 'soft null' }],
    open: [{ type: 'opened', recipient: one, human: true }],
    click: [{ type: 'clicked', recipient: one, human: true }],
    subscription: [{ type: 'subscription', recipient: one }],
  }
  for (const [name, event] of Object.entries(documented)) {
    it(`${name}: become ours`, () => {
      const read = parse(event)
      assert.deepEqual(read.map(told), expected[name as keyof typeof documented])
      for (const { emailId, to, payload } of read) {
        assert.equal(emailId, event.mail.messageId)
        assert.deepEqual(to, event.mail.destination)
        assert.deepEqual(JSON.parse(payload), event)
      }
    })
  }

  it('tell when it happened, not when the email was sent', () => {
    assert.equal(parse(documented.bounce)[0]?.occurredAt, Date.UTC(2017, 7, 5, 0, 41, 2, 669))
    assert.equal(parse(documented.send)[0]?.occurredAt, Date.UTC(2017, 7, 5, 0, 40, 2, 12))
  })

  it('have the ID of their bounce or complaint, so that it is one however it was published', () => {
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

  it('name nobody where Amazon does not know who it was', () => {
    const complainedRecipients = documented.complaintNotification.mail.destination.map((emailAddress) => ({
      emailAddress,
    }))
    const complaint = { ...documented.complaintNotification.complaint, complainedRecipients }
    assert.equal(parse({ ...documented.complaintNotification, complaint })[0]?.recipient, null)
  })

  it('tell soft from hard by the type of the bounce', () => {
    const classOf = (bounceType: string) =>
      parse({ ...documented.bounce, bounce: { ...documented.bounce.bounce, bounceType } })[0]?.bounce?.class
    assert.deepEqual(['Permanent', 'Transient', 'Undetermined'].map(classOf), ['hard', 'soft', 'soft'])
  })

  it('of complaints that are none are not complaints', () => {
    const complaining = (changed: object) => {
      const complaint = { ...documented.complaintNotification.complaint, ...changed }
      return parse({ ...documented.complaintNotification, complaint }).map(told)[0]
    }
    const recipient = 'richard@example.com'
    assert.deepEqual(complaining({ complaintFeedbackType: 'not-spam' }), { type: 'not-spam', recipient })
    assert.deepEqual(complaining({ complaintSubType: 'OnAccountSuppressionList' }), {
      type: 'bounced',
      recipient,
      bounce: 'hard null',
    })
  })

  it('are none in what SES posts when a topic is chosen', () => {
    assert.deepEqual(parse('Successfully validated SNS topic for Amazon SES event publishing.'), [])
  })

  it('that came in, or are none, are refused', () => {
    assert.throws(() => parse({ notificationType: 'Received', mail: documented.send.mail }), /inbound/)
    assert.throws(() => parse('Hello world'), /not JSON/)
    assert.throws(() => parse({ eventType: 'Send' }), /no mail.messageId/)
    assert.throws(() => ses.parse(Buffer.from('{"eventType":"Send"}'), receivedAt, {}), /raw message delivery/)
  })
})
