import assert from 'node:assert/strict'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { azure } from '../../src/providers/azure/webhook.ts'
import { credentialProof } from '../../src/providers/proof.ts'
import { outcomeOf, parsed, parsedOne } from './adapter.ts'
import { documented, validation } from './fixtures/azure.ts'

/** As Event Grid delivers it with the CloudEvents schema. */
const asCloudEvent = ({
  topic,
  eventType,
  eventTime,
  dataVersion: _,
  metadataVersion: __,
  ...event
}: object & Grid) => ({
  ...event,
  ...{ source: topic, type: eventType, time: eventTime, specversion: '1.0' },
})
type Grid = Pick<typeof documented.delivered, 'topic' | 'eventType' | 'eventTime' | 'dataVersion' | 'metadataVersion'>

const withStatus = (status: string, statusMessage = '') => {
  const { data, ...event } = documented.bounced
  return { ...event, data: { ...data, status, deliveryStatusDetails: { statusMessage } } }
}

describe('the events of Azure Communication Services', () => {
  const expected: Record<keyof typeof documented, object> = {
    delivered: { type: 'delivered', recipient: 'someone@gmail.com' },
    refused: { type: 'bounced', recipient: 'frays.arctic0@icloud.com', bounce: 'soft null failed' },
    bounced: { type: 'bounced', recipient: 'invalid@example.com', bounce: 'hard null bounced' },
    opened: { type: 'opened', recipient: null, human: true },
    clicked: { type: 'clicked', recipient: 'receiver@example.com', human: true },
  }
  for (const [name, event] of Object.entries(documented)) {
    it(`${name}: are the same in Event Grid's schema and in that of CloudEvents`, () => {
      const [ofGrid, ofCloud] = [parsed(azure, [event]), parsed(azure, asCloudEvent(event))]
      assert.deepEqual(ofGrid.map(outcomeOf), [expected[name as keyof typeof documented]])
      assert.deepEqual(ofGrid[0]?.emailId, event.data.messageId)
      const withoutPayload = ofGrid.map(({ payload: _, ...facts }) => facts)
      assert.deepEqual(
        ofCloud.map(({ payload: _, ...facts }) => facts),
        withoutPayload,
      )
    })
  }

  it('have the time of the attempt, in both spellings, and the Message-ID by which an email over SMTP is found', () => {
    const { occurredAt, metadata } = parsedOne(azure, documented.delivered)
    assert.equal(occurredAt, Date.UTC(2026, 7, 19, 23, 26, 32, 990))
    assert.deepEqual(metadata, { 'message-id': '178718194781.13391.1129954722203963622@apex.localhost' })
    assert.equal(parsedOne(azure, documented.bounced).occurredAt, Date.UTC(2026, 2, 18, 0, 25, 30, 123))
  })

  it('of a batch are stored, though one cannot be read', () => {
    const { id: _, ...withoutId } = documented.clicked
    const events = parsed(azure, [...Object.values(documented), withoutId])
    assert.deepEqual(events.map(({ quarantinedReason }) => quarantinedReason).filter(Boolean), [
      'the event has no event ID',
    ])
    assert.equal(events.length, 6)
  })

  it('about text messages and about the subscription itself are about no email', () => {
    assert.deepEqual(parsed(azure, [{ ...documented.delivered, eventType: 'Microsoft.Communication.SMSReceived' }]), [])
    assert.deepEqual(parsed(azure, [validation]), [])
  })

  const statuses: readonly (readonly [status: string, reason: string, outcome: string, message?: string])[] = [
    ['Bounced', 'unknown', 'bounced'],
    ['Suppressed', 'provider_refused', 'bounced'],
    ['FilteredSpam', 'spam_content', 'failed'],
    ['Quarantined', 'spam_content', 'failed'],
    ['Failed', 'unknown', 'failed'],
    ['Failed', 'unknown_recipient', 'bounced', '550 5.1.1 User unknown'],
    ['FilteredSpam', 'blocked_list', 'failed', '550 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org'],
  ]
  for (const [status, reason, outcome, message = ''] of statuses) {
    it(`${status}${message && `, ${message},`} is ${outcome}: ${reason}`, () => {
      const judged = judgeBounce(parsedOne(azure, [withStatus(status, message)]).bounce)
      assert.deepEqual([judged.reason, judged.outcome], [reason, outcome])
    })
  }

  it('about a distribution group, and with statuses that Microsoft adds, are shown and change nothing', () => {
    assert.deepEqual(outcomeOf(parsedOne(azure, [withStatus('Expanded')])), {
      type: 'expanded',
      recipient: 'invalid@example.com',
    })
  })

  it('of 2023 have their details as a text', () => {
    const { deliveryStatusDetails: _, ...data } = documented.refused.data
    const event = { ...documented.refused, data: { ...data, DeliveryStatusDetails: '550 5.2.2 Mailbox full' } }
    assert.equal(parsedOne(azure, event).bounce?.code, '5.2.2')
  })
})

describe('the requests of Event Grid', () => {
  const consent = (headers: Record<string, string>, body: unknown = null, method = 'POST') =>
    azure.consentTo?.({ method, headers, rawBody: body === null ? null : Buffer.from(JSON.stringify(body)) })

  it('are genuine with the secret in a header of its own, which the subscription adds', () => {
    const secret = 'a-token-of-event-grid'
    assert.equal(azure.verify(Buffer.from('[]'), credentialProof.sign('', secret, 0).headers, ['other', secret]), true)
    assert.equal(azure.verify(Buffer.from('[]'), {}, [secret]), false)
  })

  it('that validate a subscription are answered with its code (Event Grid schema)', () => {
    const headers = { 'aeg-event-type': 'SubscriptionValidation' }
    assert.deepEqual(consent(headers, [validation]), {
      headers: {},
      body: { validationResponse: '512d38b6-c7b8-40c8-89fe-f46f9e9622b6' },
    })
    assert.equal(consent({ 'aeg-event-type': 'Notification' }, [validation]), null)
    for (const body of [[], {}, [{ data: { validationCode: 5 } }], [{ data: { validationCode: 'x'.repeat(300) } }]]) {
      assert.equal(consent(headers, body), null)
    }
    assert.equal(azure.consentTo?.({ method: 'POST', headers, rawBody: Buffer.from('no JSON') }), null)
  })

  it('that ask by OPTIONS are answered with their origin (CloudEvents, abuse protection)', () => {
    const headers = { 'webhook-request-origin': 'eventgrid.azure.net' }
    assert.deepEqual(consent(headers, null, 'OPTIONS')?.headers, {
      ...{ Allow: 'POST', 'WebHook-Allowed-Origin': 'eventgrid.azure.net', 'WebHook-Allowed-Rate': '*' },
    })
    assert.equal(consent({}, null, 'OPTIONS'), null)
    assert.equal(consent({ 'webhook-request-origin': 'a\nb' }, null, 'OPTIONS'), null)
    assert.equal(consent(headers, null, 'GET'), null)
  })
})
