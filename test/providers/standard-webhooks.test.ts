import assert from 'node:assert/strict'
import { standardWebhooks } from '../../src/providers/standard-webhooks.ts'
import { parsedOne, receivedAt, told } from './adapter.ts'

describe('events of a sender of Standard Webhooks', () => {
  it('are read as AISend’s are, under a provider of their own', () => {
    const event = parsedOne(standardWebhooks, {
      type: 'email.bounced',
      timestamp: '2026-11-01T10:00:00Z',
      data: { email_id: 'em_1', to: 'ada@example.com', bounce: { type: 'hard', code: '5.1.1' } },
    })
    assert.deepEqual(told(event), { type: 'bounced', recipient: 'ada@example.com', bounce: 'hard 5.1.1' })
    assert.deepEqual([event.provider, event.emailId], ['standard-webhooks', 'em_1'])
  })

  it('have the signed webhook-id as theirs, whatever the body says', () => {
    const body = Buffer.from('{"id":"evt_1","type":"sent","email_id":"em_1"}')
    assert.equal(standardWebhooks.parse(body, receivedAt, { 'webhook-id': 'msg_1' })[0]?.id, 'msg_1')
    assert.equal(standardWebhooks.parse(body, receivedAt, {})[0]?.id, 'evt_1')
  })
})
