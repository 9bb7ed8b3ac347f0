import assert from 'node:assert/strict'
import { standardWebhooks } from '../../src/providers/standard-webhooks/webhook.ts'
import { outcomeOf, parsedOne, receivedAt } from './adapter.ts'

describe('events of a sender of Standard Webhooks', () => {
  it('are parsed as those of AISend, with their own provider name', () => {
    const event = parsedOne(standardWebhooks, {
      type: 'email.bounced',
      timestamp: '2026-11-01T10:00:00Z',
      data: { email_id: 'em_1', to: 'ada@example.com', bounce: { type: 'hard', code: '5.1.1' } },
    })
    assert.deepEqual(outcomeOf(event), { type: 'bounced', recipient: 'ada@example.com', bounce: 'hard 5.1.1 bounced' })
    assert.deepEqual([event.provider, event.emailId], ['standard-webhooks', 'em_1'])
  })

  it('have the signed webhook-id as ID, whatever the body says', () => {
    const body = Buffer.from('{"id":"evt_1","type":"sent","email_id":"em_1"}')
    assert.equal(standardWebhooks.parse(body, receivedAt, { 'webhook-id': 'msg_1' })[0]?.id, 'msg_1')
    assert.equal(standardWebhooks.parse(body, receivedAt, {})[0]?.id, 'evt_1')
  })
})
