import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { VerificationUnavailableError } from '../../src/providers/provider.ts'
import { generateScalewayTopic } from '../../src/providers/scaleway/sample.ts'
import { isIssuedByScaleway, scalewayTrustChain } from '../../src/providers/scaleway/trust-chain.ts'
import { createScaleway, isScalewayTopic } from '../../src/providers/scaleway/webhook.ts'
import { outcomeOf, receivedAt } from './adapter.ts'
import * as scaleway from './fixtures/scaleway.ts'
import { certificate as amazons } from './fixtures/sns.ts'

const { root, intermediate, certificate, version1, version2, confirmation, confirmationElsewhere } = scaleway
const chainUrl = 'https://messaging.s3.fr-par.scw.cloud/fr-par/sns/sns-trust-chain.pem'

/** A stand-in for Scaleway: records what is fetched. */
function standIn(answers: Readonly<Record<string, string>> = {}, chain = { root, intermediate }) {
  const fetched: string[] = []
  const fetch: typeof globalThis.fetch = async (input) => {
    const url = String(input)
    fetched.push(url)
    const found = answers[url] ?? (url === version1.SigningCertURL ? certificate : undefined)
    return new Response(found ?? '', { status: found === undefined ? 404 : 200 })
  }
  return { fetched, adapter: createScaleway({ fetch, clock: () => scaleway.signedWhen }, chain), fetch }
}

const bytes = (message: object): Buffer => Buffer.from(JSON.stringify(message))

describe('the signature of Scaleway', () => {
  const verified = (message: object, { adapter } = standIn(), topics = [version1.TopicArn]) =>
    adapter.verify(bytes(message), {}, topics)

  it('is accepted in version 1, which Scaleway uses, and 2, and its certificate is fetched once', async () => {
    const started = standIn()
    assert.equal(await verified(version1, started), true)
    assert.equal(await verified(version2, started), true)
    assert.deepEqual(started.fetched, [version1.SigningCertURL])
  })

  it('is refused when a signed field is changed, and for a topic that is not configured', async () => {
    for (const field of ['Message', 'MessageId', 'Timestamp', 'Signature'] as const) {
      assert.equal(await verified({ ...version1, [field]: `x${version1[field]}` }), false, field)
    }
    assert.equal(await verified(version1, standIn(), []), false)
  })

  it('is refused with a certificate from elsewhere, which is not fetched', async () => {
    const started = standIn()
    const url = version1.SigningCertURL
    for (const SigningCertURL of [
      url.replace('https:', 'http:'),
      url.replace('messaging.', 'attacker.'),
      url.replace('scw.cloud', 'scw.cloud.example.com'),
      url.replace('scw.cloud', 'scw.cloud@example.com'),
      url.replace('scw.cloud', 'scw.cloud:8443'),
      url.replace('/sns/', '/sns/../'),
      `${url}?x=.crt`,
      ` ${url}`,
      'https://169.254.169.254/latest/meta-data/',
    ]) {
      assert.equal(await verified({ ...version1, SigningCertURL }, started), false, SigningCertURL)
    }
    assert.deepEqual(started.fetched, [])
  })

  it('is refused with a certificate that Scaleway has not issued, though it is in its bucket', async () => {
    const started = standIn({ [version1.SigningCertURL]: amazons }, { root, intermediate })
    const clock = () => Date.UTC(2022, 6, 28)
    const then = createScaleway({ fetch: started.fetch, clock }, { root, intermediate })
    assert.equal(await then.verify(bytes(version1), {}, [version1.TopicArn]), false)
    assert.ok(started.fetched.includes(version1.SigningCertURL))
    assert.equal(await verified(version1, standIn({ [chainUrl]: root + intermediate }, scalewayTrustChain)), false)
  })

  it('is accepted with a certificate of a new intermediate, if the root has issued that', async () => {
    const replaced = { root, intermediate: root }
    const started = standIn({ [chainUrl]: `${root}\n${intermediate}` }, replaced)
    assert.equal(await verified(version1, started), true)
    assert.deepEqual(started.fetched, [version1.SigningCertURL, chainUrl])
    assert.equal(await verified(version1, standIn({}, replaced)), false)
  })

  it('is checked against Scaleway’s own root and intermediate, which belong together', async () => {
    const { fetch } = standIn()
    const [authority, of] = [scalewayTrustChain.root, new X509Certificate(scalewayTrustChain.intermediate)]
    const isIssued = (clock: number) =>
      isIssuedByScaleway(of, 'fr-par', { root: authority, intermediate: authority }, { fetch, clock: () => clock })
    assert.equal(await isIssued(scaleway.signedWhen), true)
    assert.equal(await isIssued(Date.UTC(2033, 0)), false, 'the root is no longer valid')
  })

  it('cannot be checked while Scaleway does not answer: the message must be sent again', async () => {
    const away = createScaleway({ fetch: () => Promise.reject(new Error('away')), clock: Date.now })
    const verifying = away.verify(bytes(version1), {}, [version1.TopicArn])
    await assert.rejects(Promise.resolve(verifying), (error: Error) => {
      return error instanceof VerificationUnavailableError && /Scaleway does not answer/.test(error.message)
    })
  })

  it('is that of the topics in the configuration, or of a key that stands in for Scaleway', () => {
    assert.ok(isScalewayTopic(version1.TopicArn))
    assert.ok(isScalewayTopic(generateScalewayTopic().accepted))
    assert.ok(!isScalewayTopic('arn:aws:sns:us-east-1:000000000000:aftersend'))
    assert.ok(!isScalewayTopic(`${version1.TopicArn}=no key`))
  })
})

describe('the subscription at Scaleway', () => {
  it('is confirmed at the API of the topic’s region, and nowhere else', async () => {
    const started = standIn({ [confirmation.SubscribeURL]: '<ConfirmSubscriptionResponse/>' })
    assert.equal(await started.adapter.verify(bytes(confirmation), {}, [version1.TopicArn]), true)
    await started.adapter.answerHandshake?.(bytes(confirmation))
    assert.deepEqual(started.fetched, [confirmation.SigningCertURL, confirmation.SubscribeURL])
    assert.deepEqual(started.adapter.parse(bytes(confirmation), receivedAt, {}), [])
    const other = started.adapter.answerHandshake?.(bytes(confirmationElsewhere))
    await assert.rejects(Promise.resolve(other), /SubscribeURL/)
    assert.equal(started.fetched.length, 2)
  })
})

describe('the events of Scaleway', () => {
  const { adapter } = standIn()
  const parsed = (event: object) =>
    adapter.parse(bytes({ ...version1, Message: JSON.stringify(event) }), receivedAt, {})
  const one = (event: object) => {
    const [found, ...others] = parsed(event)
    assert.ok(found && others.length === 0)
    return found
  }

  const recipient = 'recipient@example.com'
  const expected: Record<keyof typeof scaleway.documented, object> = {
    queued: { type: 'queued', recipient },
    delivered: { type: 'delivered', recipient },
    deferred: { type: 'bounced', recipient, bounce: 'soft 4.2.1 deferred' },
    dropped: { type: 'bounced', recipient, bounce: 'hard 5.1.1 bounced' },
    mailboxNotFound: { type: 'bounced', recipient, bounce: 'hard 5.1.1 bounced' },
    spam: { type: 'bounced', recipient, bounce: 'soft 5.7.1 failed' },
  }
  for (const [name, event] of Object.entries(scaleway.documented)) {
    it(`${name}: is mapped to our event`, () => {
      const found = one(event)
      assert.deepEqual(outcomeOf(found), expected[name as keyof typeof scaleway.documented])
      assert.deepEqual([found.emailId, found.id], [event.email_id, event.id])
      assert.equal(found.occurredAt, Date.parse(event.created_at))
      assert.deepEqual(found.metadata, { 'message-id': '42@example.com' })
    })
  }

  it('have the whole reply, whether the text repeats its code or not', () => {
    const message = '550 5.1.1 The email account that you tried to reach does not exist'
    assert.equal(one(scaleway.documented.dropped).bounce?.message, message)
    const { email_response_message: _, ...older } = scaleway.documented.dropped
    assert.equal(one(older).bounce?.message, message)
    assert.equal(one(scaleway.documented.delivered).response, '250 2.0.0 OK')
  })

  it('about a refusal for good are not held against the address where the reply is about the sender', () => {
    const about = (email_response_message: string) =>
      judgeBounce(one({ ...scaleway.documented.dropped, email_response_message }).bounce)
    assert.equal(
      about('5.7.26 Unauthenticated email from example.com is not accepted due to DMARC policy').outcome,
      'failed',
    )
    assert.equal(about('5.2.2 Mailbox full').outcome, 'failed')
  })

  it('about a blocked address suppress it, unless its mailbox was full, although they name no email', () => {
    const { bounce, emailId, recipient: blocked } = one(scaleway.blocklisted)
    assert.deepEqual([judgeBounce(bounce).outcome, blocked], ['bounced', recipient])
    assert.match(emailId, /^unknown:/)
    const full = one({ ...scaleway.blocklisted, blocklist_type: 'mailbox_full', blocklist_reason: '' })
    assert.deepEqual([judgeBounce(full.bounce).outcome, judgeBounce(full.bounce).reason], ['failed', 'mailbox_full'])
    assert.deepEqual(parsed({ ...scaleway.blocklisted, type: 'blocklist_created' }), [])
  })

  it('have the tags and metadata that django-anymail puts into headers', () => {
    const headers = [
      { key: 'X-Tags', value: '["receipt"]' },
      { key: 'X-Metadata', value: '{"order": 4711, "external_id": "order-4711"}' },
      { key: 'Subject', value: 'Your order' },
    ]
    const event = one({ ...scaleway.documented.delivered, email_headers: headers })
    assert.deepEqual([event.tags, event.externalId, event.subject], [['receipt'], 'order-4711', 'Your order'])
    assert.deepEqual(event.metadata, { order: '4711' })
    assert.deepEqual(one({ ...scaleway.documented.delivered, email_headers: 'none' }).tags, [])
  })
})
