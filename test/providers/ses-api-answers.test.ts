import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { createSesApi, type SesApi } from '../../src/providers/ses/api.ts'
import { type ApiStandIn, asked, startApiStandIn } from './api-stand-in.ts'

const id = '0102018f3c5e7a10-6d3f2b8a-1c4e-4f7b-9a2d-5e8c7b6a4f30-000000'

describe('answers of the SES API', () => {
  let standIn: ApiStandIn
  let api: SesApi
  beforeEach(async () => {
    standIn = await startApiStandIn()
    api = createSesApi({ apiUrl: standIn.apiUrl, apiKey: 's', keyId: 'key', region: 'eu-west-1', timeoutMs: 900 })
  })
  afterEach(() => standIn.close())

  const eventOf = async (event: object, destinations = ['ada@example.com']) => {
    const insights = destinations.map((Destination) => ({ Destination, Isp: 'Gmail', Events: [event] }))
    standIn.answerWith(200, { MessageId: id, Subject: 'Hello', Insights: insights })
    return api.fetchEvents(asked(id))
  }
  const error = (status: number, code: string, message = 'x') =>
    standIn.answerWith(
      status,
      { message },
      code === '' ? {} : { 'x-amzn-errortype': `${code}:http://internal.amazon.com/` },
    )

  it('are read with the finer type of a failure in capitals', async () => {
    const onList = 'ON_ACCOUNT_SUPPRESSION_LIST'
    const [failure] = await eventOf({
      ...{ Timestamp: 1_790_000_000.123, Type: 'BOUNCE' },
      Details: { Bounce: { BounceType: 'PERMANENT', BounceSubType: onList } },
    })
    assert.deepEqual(
      [failure?.bounce?.word, failure?.bounce?.subWord, failure?.occurredAt],
      ['Permanent', 'OnAccountSuppressionList', 1_790_000_000_123],
    )
    const complaint = { Timestamp: 1, Type: 'COMPLAINT', Details: { Complaint: { ComplaintSubType: onList } } }
    assert.deepEqual(
      (await eventOf(complaint)).map(({ type, bounce }) => [type, bounce?.class]),
      [['bounced', 'hard']],
    )
  })

  it('have the status of a failure in the reply: one of class 4 is soft, whatever its type', async () => {
    const classOf = async (DiagnosticCode: string) => {
      const Details = { Bounce: { BounceType: 'PERMANENT', BounceSubType: 'GENERAL', DiagnosticCode } }
      return (await eventOf({ Timestamp: 1_790_000_000, Type: 'BOUNCE', Details }))[0]?.bounce?.class
    }
    assert.equal(await classOf('smtp; 550 5.1.1 user unknown'), 'hard')
    assert.equal(await classOf('smtp; 450 4.2.1 mailbox is busy'), 'soft')
  })

  it('count a failure without its facts as held against nobody, since it must not overrule a webhook', async () => {
    const [failure] = await eventOf({ Timestamp: 1_790_000_000, Type: 'BOUNCE' })
    assert.equal(judgeBounce(failure?.bounce ?? null).outcome, 'failed')
  })

  it('are read without opens, clicks, subscriptions and types that are not known', async () => {
    for (const Type of ['OPEN', 'CLICK', 'SUBSCRIPTION', 'constructor']) {
      assert.deepEqual(await eventOf({ Timestamp: 1_790_000_000, Type }), [], Type)
    }
    const [rejected] = await eventOf({ Timestamp: 1_790_000_000, Type: 'REJECT' })
    assert.deepEqual([rejected?.type, rejected?.bounce?.class, rejected?.bounce?.isOver], ['bounced', 'soft', true])
  })

  it('give each of several recipients an event of its own, without an address in its ID', async () => {
    const events = await eventOf({ Timestamp: 1_790_000_000, Type: 'DELIVERY' }, [
      'ada@example.com',
      'grace@example.com',
    ])
    assert.deepEqual(
      events.map(({ recipient }) => recipient),
      ['ada@example.com', 'grace@example.com'],
    )
    assert.equal(new Set(events.map((event) => event.id)).size, 2)
    for (const event of events) assert.doesNotMatch(event.id, /@/)
  })

  it('are refusals by their code: the signature, the permission', async () => {
    for (const [status, code, expected] of [
      [403, 'InvalidSignatureException', /clock/],
      [403, 'UnrecognizedClientException', /SES_ACCESS_KEY_ID/],
      [400, 'IncompleteSignature', /signature/],
      [403, 'AccessDeniedException', /allow it ses:GetMessageInsights/],
      [403, '', /check SES_ACCESS_KEY_ID, SES_API_KEY and SES_REGION/],
    ] as const) {
      error(status, code, 'User: arn:aws:iam::1:user/ada@example.com is not authorized')
      await assert.rejects(api.fetchEvents(asked(id)), (refused) => {
        assert.ok(refused instanceof ProviderRefusedError, code)
        assert.match(refused.message, expected)
        return !/@/.test(refused.message)
      })
    }
  })

  it('are rate limits by their code too', async () => {
    error(400, 'ThrottlingException')
    await assert.rejects(api.fetchEvents(asked(id)), { name: 'ProviderUnreachableError', isRateLimited: true })
  })

  it('are of an unknown email where SES cannot read the ID, but not where no SES answers', async () => {
    error(400, 'BadRequestException')
    assert.deepEqual(await api.fetchEvents(asked('x')), [])
    for (const code of ['UnknownOperationException', '']) {
      error(404, code)
      await assert.rejects(api.fetchEvents(asked(id)), { name: 'ProviderUnreachableError', message: /SES_API_URL/ })
    }
  })

  it('that do not match the documentation count as none', async () => {
    for (const answer of [{}, [], 'text', { Insights: [{ Events: 'x' }] }]) {
      standIn.answerWith(200, answer)
      await assert.rejects(api.fetchEvents(asked(id)), ProviderUnreachableError)
      await assert.rejects(api.suppressionLists.read(null), ProviderUnreachableError)
    }
  })
})
