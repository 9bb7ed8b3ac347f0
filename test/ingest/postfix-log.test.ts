import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { PostfixLog } from '../../src/ingest/postfix-log.ts'
import { mailServer } from '../../src/providers/mail-server/webhook.ts'
import { outcomeOf, parsed } from '../providers/adapter.ts'

/** Logged by Postfix 3.7.11 on 2026-11-30: emails to recipients that are accepted, refused and deferred, until the queue's lifetime ended. */
const log = readFileSync(new URL('fixtures/postfix-3.7.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
const clock = () => Date.UTC(2026, 11, 1)
const read = (lines: readonly string[], relays: readonly string[] = [], from?: PostfixLog['memory']) => {
  const postfix = new PostfixLog({ relays, clock }, from)
  return { postfix, entries: lines.flatMap((line) => postfix.read(line)) }
}
const delivery = (relay: string, status = 'sent (250 2.0.0 Ok)') => [
  'Nov 30 22:52:03 mail postfix/cleanup[1]: 735A4DA394: message-id=<m@example.com>',
  `Nov 30 22:52:04 mail postfix/smtp[2]: 735A4DA394: to=<a@example.org>, relay=${relay}, delay=1, delays=1/0/0/0, dsn=2.0.0, status=${status}`,
]
const eventOf = (...lines: string[]) => read(lines).entries.at(-1)?.event

describe('Postfix’s log', () => {
  it('brings the outcome of every recipient, under the Message-ID', () => {
    const last = new Map<string, string>()
    for (const event of parsed(mailServer, read(log).entries)) {
      if (event.recipient === null) continue
      const { type, bounce } = outcomeOf(event)
      last.set(`${event.emailId} ${event.recipient}`, bounce ?? type)
    }
    const three = 'ok.example.test-nobody.example.test-Later.example.test@example.com'
    assert.deepEqual(Object.fromEntries(last), {
      'ok.example.test@example.com ok@example.test': 'delivered',
      'nobody.example.test@example.com nobody@example.test': 'hard 5.1.1 bounced',
      'full.example.test@example.com full@example.test': 'soft 5.2.2 failed',
      'later.example.test@example.com later@example.test': 'soft 4.7.1 failed',
      [`${three} ok@example.test`]: 'delivered',
      [`${three} nobody@example.test`]: 'hard 5.1.1 bounced',
      [`${three} later@example.test`]: 'soft 4.7.1 failed',
      'x.down.test@example.com x@down.test': 'soft 4.4.1 failed',
    })
  })

  it('names the receiving server and its reply, without Postfix’s words around it', () => {
    const bounced = read(log).entries.find(({ event }) => event === 'bounced')
    assert.deepEqual(
      [bounced?.reply, bounced?.host, bounced?.at],
      [
        '550 5.1.1 <nobody@example.test>: Recipient address rejected: User unknown',
        'mx.example.test',
        new Date('Nov 30 2026 22:52:21').toISOString(),
      ],
    )
  })

  it('reports an email as queued once, with however many attempts', () => {
    const queued = read(log).entries.filter(({ event }) => event === 'queued')
    assert.equal(queued.length, 6)
  })

  it('brings nothing of Postfix’s own notifications, which have no sender', () => {
    assert.ok(!read(log).entries.some(({ recipient }) => recipient === 'hello@example.com'))
  })

  it('goes on after a restart at any line as without one', () => {
    const whole = read(log).entries
    for (let at = 0; at < log.length; at += 7) {
      const before = read(log.slice(0, at))
      const memory = JSON.parse(JSON.stringify(before.postfix.memory))
      assert.deepEqual([...before.entries, ...read(log.slice(at), [], memory).entries], whole)
    }
  })

  it('forgets what has left the queue', () => {
    assert.deepEqual(read(log).postfix.memory, [])
  })

  it('takes what a relay accepts for sent, and nothing from a filter on the same machine', () => {
    const entries = read(delivery('smtp.example.net[192.0.2.1]:587'), ['smtp.example.net']).entries
    assert.equal(entries.at(-1)?.event, 'sent')
    assert.equal(eventOf(...delivery('mx.example.org[192.0.2.1]:25')), 'delivered')
    assert.equal(eventOf(...delivery('127.0.0.1[127.0.0.1]:10024')), undefined)
    assert.equal(eventOf(...delivery('local')), 'delivered')
  })

  it('ignores probes of addresses, other programs, and lines of other forms', () => {
    assert.equal(eventOf(...delivery('mx.example.org[192.0.2.1]:25', 'deliverable (250 Ok)')), undefined)
    assert.deepEqual(
      read(['', 'Nov 30 22:52:03 mail sshd[1]: session opened', 'nonsense', delivery('x')[1]?.slice(0, 60) ?? ''])
        .entries,
      [],
    )
  })

  it('is read with times of either form, services of other names, and long queue IDs', () => {
    const line = (start: string) =>
      `${start}: 3ysXVW4cMqzHPSw: to=<a@example.org>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (no)`
    for (const [start, at] of [
      ['2026-11-30T22:52:03.123456+01:00 mail postfix/smtp[1]', '2026-11-30T21:52:03.123Z'],
      ['2026-11-30T22:52:03+0100 mail postfix-out/submission/smtp[1]', '2026-11-30T21:52:03.000Z'],
      ['Dec 31 23:59:59 mail postfix/smtp[1]', new Date('Dec 31 2025 23:59:59').toISOString()],
    ] as const) {
      const { entries } = read([line(start)])
      assert.deepEqual(
        [entries[0]?.event, entries[0]?.at, entries[0]?.queueId],
        ['deferred', at, '3ysXVW4cMqzHPSw'],
        start,
      )
    }
  })
})
