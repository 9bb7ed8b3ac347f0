import assert from 'node:assert/strict'
import { zonemtaEntriesIn } from '../../src/ingest/zonemta-log.ts'

/** The form of zone-eu/zone-mta, lib/sender.js, 3.10.18, as the journal shows it. */
const line = (word: string, reply: string, from = 'hello@example.com') =>
  `2026-11-30T22:52:03+0000 mail zone-mta[12]: info Sender/default/12 id=s1 1578a823de00009fbb.001 ${word} from=${from} to=a@example.org src=192.0.2.9 mx=mx.example.org[192.0.2.1] message-id=<m@example.com> (${reply})`

describe('ZoneMTA’s log', () => {
  const now = Date.UTC(2026, 11, 1)
  const entryOf = (...given: Parameters<typeof line>) => zonemtaEntriesIn(line(...given), [], now)[0]

  it('brings deliveries, deferrals and rejections with the reply', () => {
    assert.deepEqual(entryOf('ACCEPTED', '250 2.0.0 Ok (queued)'), {
      event: 'delivered',
      messageId: '<m@example.com>',
      queueId: '1578a823de00009fbb.001',
      recipient: 'a@example.org',
      at: '2026-11-30T22:52:03.000Z',
      code: '2.0.0',
      reply: '250 2.0.0 Ok (queued)',
      host: 'mx.example.org',
    })
    const deferred = entryOf('DEFERRED[greylist]', '451 4.7.1 Greylisted')
    assert.deepEqual([deferred?.event, deferred?.code], ['deferred', '4.7.1'])
    assert.equal(entryOf('REJECTED[recipient]', '550 5.1.1 no such user')?.event, 'bounced')
  })

  it('brings nothing of bounce messages, other lines and what a relay has not delivered', () => {
    assert.equal(entryOf('REJECTED[other]', '550 no', '<>'), undefined)
    assert.deepEqual(zonemtaEntriesIn('info Queue/1 id=s1 157 QUEUED (from=…)', [], now), [])
    assert.equal(zonemtaEntriesIn(line('ACCEPTED', '250 ok'), ['mx.example.org'], now)[0]?.event, 'sent')
  })
})
