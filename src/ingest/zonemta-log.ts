/**
 * ZoneMTA's log as entries: its lines about deliveries name everything (zone-eu/zone-mta, lib/sender.js, 3.10.18). The time is that of the
 * journal, since ZoneMTA writes none.
 */
import { statusCodeIn } from '../domain/failure-text.ts'
import type { MailServerEntry } from '../providers/mail-server/webhook.ts'
import { syslogTimeIn } from './syslog-time.ts'

const events = { ACCEPTED: 'delivered', DEFERRED: 'deferred', REJECTED: 'bounced' } as const

const linePattern =
  /\bid=\S* (\S+) (ACCEPTED|DEFERRED|REJECTED)(?:\[\w*\])? from=(\S*) to=(\S*) src=\S* mx=(\S*) message-id=(\S*) \((.*)\)$/

/**
 * The entry in a line; none in most lines.
 * @param relays hosts that pass emails on: what they accept is `sent`, not `delivered`.
 * @param now epoch milliseconds.
 */
export function zonemtaEntriesIn(line: string, relays: readonly string[], now: number): MailServerEntry[] {
  const [, queueId, word, from, recipient = '', mx = '', messageId, reply = ''] = linePattern.exec(line) ?? []
  // `<>`: a bounce of ZoneMTA's own.
  if (word === undefined || from === '<>') return []
  const host = mx.replace(/\[.*$/, '')
  const code = statusCodeIn(reply)
  return [
    {
      event: word === 'ACCEPTED' && relays.includes(host) ? 'sent' : events[word as keyof typeof events],
      ...(messageId?.includes('@') && { messageId }),
      ...(queueId && { queueId }),
      recipient,
      at: syslogTimeIn(line, now) ?? new Date(now).toISOString(),
      ...(code !== null && { code }),
      reply,
      ...(host && { host }),
    },
  ]
}
