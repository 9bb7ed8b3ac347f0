/** Sample data for the overview: two days of emails of an ordinary sender, written to the database. */

import { markDirtyHours, rollUpHour } from '../../src/db/analytics-rollups.ts'
import type { Database } from '../../src/db/database.ts'
import type { Email as StoredEmail } from '../../src/db/generated/client.ts'
import { type FailureOutcome, type FailureReason, failureReasons } from '../../src/domain/failure.ts'
import { createRandom, type Random } from '../../src/simulator/random.ts'

const hourMs = 3_600_000
const emailsPerHour = 140

const subjects = [
  'Your sign-in code',
  'Your receipt no. 4711',
  'Grüße aus München: Ihre Buchung',
  'Привет! Новости недели',
  'مرحبا، هذه فاتورتك',
  'Ça y est : votre commande est partie',
  'Re: your question about the quarterly report, the two annexes, and the meeting that was moved to Thursday afternoon',
  'Reset your password',
  'Your invitation to the autumn review',
] as const
const people = ['ada.lovelace', 'grace.hopper', 'alan.turing', 'katherine.johnson', 'barbara.liskov', 'ken'] as const
const domains = ['example.com', 'example.org', 'mail.example.net'] as const

type Email = Omit<StoredEmail, 'externalId' | 'metadata' | 'registeredExternalId' | 'registeredMetadata'>

/** Stores emails, escalations and suppressions, and rolls up their hours as the scheduled job does. */
export async function storeSampleDays(db: Database, now: number): Promise<void> {
  const random = createRandom(7)
  const emails = Array.from({ length: 48 }, (_, hour) => emailsOfHour(now, 47 - hour, random)).flat()
  for (let at = 0; at < emails.length; at += 500) await db.email.createMany({ data: emails.slice(at, at + 500) })
  const bounced = emails.filter(({ status }) => status === 'bounced').slice(-14)
  await db.suppression.createMany({
    data: bounced.map(({ id, recipients, bouncedAt }) => ({
      address: recipients[0] ?? '',
      reason: 'hard_bounce',
      provider: 'aisend',
      emailId: id,
      eventId: `evt_${id}`,
      createdAt: bouncedAt ?? new Date(now),
    })),
    skipDuplicates: true,
  })
  await storeRecipients(db)
  await storeEscalations(db, emails, now)
  const ended = await markDirtyHours(db)
  while (await rollUpHour(db, ended));
}

/** What is known of an email with one recipient is known of the recipient. */
const storeRecipients = (db: Database) => db.$executeRaw`
  UPDATE email_recipients SET status = emails.status, delivery = emails.delivery, sent_at = emails.sent_at,
    delivered_at = emails.delivered_at, bounced_at = emails.bounced_at, bounce_class = emails.bounce_class,
    failure_reason = emails.failure_reason, failure_party = emails.failure_party, failure_outcome = emails.failure_outcome,
    first_received_at = emails.first_received_at, settled_received_at = emails.settled_received_at
  FROM emails WHERE emails.id = email_recipients.email_id AND emails.provider = email_recipients.provider`

/** More by day than by night, and some hours with a slow provider. */
function emailsOfHour(now: number, hoursAgo: number, random: Random): Email[] {
  const from = Math.floor(now / hourMs - hoursAgo) * hourMs
  // The current hour is shorter than an hour.
  const lengthMs = Math.min(hourMs, now - from)
  const hourOfDay = new Date(from).getUTCHours()
  const wave = 0.25 + 0.75 * Math.max(0, Math.sin(((hourOfDay - 5) / 18) * Math.PI))
  const slow = hourOfDay >= 9 && hourOfDay <= 11 ? 3 : 1
  const count = Math.round(emailsPerHour * wave * (0.85 + random.between(0, 30) / 100))
  return Array.from({ length: count }, (_, n) =>
    emailAt(from + random.between(0, lengthMs - 1), `${from / 1_000}-${n}`, slow, random),
  )
}

function emailAt(at: number, key: string, slow: number, random: Random): Email {
  const [draw, address] = [random.between(1, 1_000), `${random.pick(people)}@${random.pick(domains)}`]
  const later = (ms: number) => new Date(at + ms)
  const deliveryMs = Math.round(slow * 900 * 2 ** (random.between(0, 600) / 100))
  const failure = failureOf(draw, random)
  const status = failure?.failureOutcome ?? (draw <= 480 ? 'delivered' : draw <= 860 ? 'opened' : 'clicked')
  const arrived = failure === null
  const others = random.chance(0.03) ? people.filter((name) => !address.startsWith(name)).slice(0, 2) : []
  const recipients = [address, ...others.map((name) => `${name}@${domains[0]}`)]
  const [opens, clicks] = [arrived && status !== 'delivered' ? random.between(1, 4) : 0, status === 'clicked' ? 1 : 0]
  const engagedAt = opens > 0 ? later(deliveryMs + random.between(60_000, 2 * hourMs)) : null
  const priority = random.chance(0.08) ? 'critical' : random.chance(0.3) ? 'bulk' : 'normal'
  return {
    ...defaults,
    id: `em_${key}`,
    to: recipients,
    recipients,
    recipientDomain: address.split('@')[1] ?? null,
    subject: random.pick(subjects),
    priority,
    status: arrived && draw === 700 ? 'complained' : status,
    delivery: arrived ? 'delivered' : status,
    queuedAt: later(0),
    sendingAt: later(180),
    sentAt: later(420),
    deliveredAt: arrived ? later(deliveryMs) : null,
    ...(failure ?? noFailure),
    bouncedAt: arrived ? null : later(deliveryMs),
    bounceEventId: arrived ? null : `evt_em_${key}`,
    complainedAt: arrived && draw === 700 ? later(hourMs) : null,
    opensTotal: opens,
    opensHuman: Math.max(0, opens - (random.chance(0.3) ? 1 : 0)),
    opensFirstAt: engagedAt,
    opensLastAt: engagedAt,
    clicksTotal: clicks,
    clicksHuman: clicks,
    clicksFirstAt: clicks > 0 ? engagedAt : null,
    clicksLastAt: clicks > 0 ? engagedAt : null,
    firstReceivedAt: later(0),
    // Of deferred ones too: otherwise their workflows would be started and escalate while the screenshot is taken.
    settledReceivedAt: later(deliveryMs),
    createdAt: later(0),
    updatedAt: later(deliveryMs),
  }
}

const bounce = (failureReason: FailureReason, bounceCode: string, failureOutcome: FailureOutcome) => ({
  ...{ failureReason, bounceCode, failureOutcome },
  failureParty: failureReasons[failureReason],
  bounceClass: failureOutcome === 'deferred' ? 'soft' : 'hard',
})

const noFailure = {
  ...{ failureReason: null, bounceCode: null, failureOutcome: null, failureParty: null, bounceClass: null },
}

const failures = [
  bounce('unknown_recipient', '5.1.1', 'bounced'),
  bounce('inactive_mailbox', '5.2.1', 'bounced'),
  bounce('authentication', '5.7.26', 'failed'),
  bounce('spam_content', '5.7.1', 'failed'),
  bounce('mailbox_full', '4.2.2', 'deferred'),
] as const

/** Of one email in fifty; most of them have no such mailbox. */
const failureOf = (draw: number, random: Random) =>
  draw > 20 ? null : draw <= 10 ? failures[0] : random.pick(failures)

const defaults = {
  provider: 'aisend',
  tags: ['simulated'],
  priorityNamedAt: null,
  revision: 1,
  scheduledFor: null,
  registeredAt: null,
  registeredAsSent: false,
  opensJudgedMachine: 0,
  clicksJudgedMachine: 0,
  erasedAt: null,
}

async function storeEscalations(db: Database, emails: readonly Email[], now: number): Promise<void> {
  const about = (reason: string, matches: (email: Email) => boolean, minutesAgo: number, more: object = {}) => {
    const email = emails.findLast(matches)
    return {
      id: `esc_${reason}_${minutesAgo}`,
      provider: 'aisend',
      emailId: email?.id ?? 'em_1',
      reason,
      state: 'open',
      detail:
        reason === 'stalled'
          ? 'The provider was asked, and reports no delivery.'
          : 'A critical email bounced permanently: unknown recipient, caused by the recipient.',
      openedAt: new Date(now - minutesAgo * 60_000),
      notices: 1,
      ...more,
    }
  }
  const isCriticalBounce = ({ priority, status }: Email) => priority === 'critical' && status === 'bounced'
  await db.escalation.createMany({
    data: [
      about('critical_bounce', isCriticalBounce, 4),
      about('stalled', ({ status }) => status === 'deferred', 11),
      about('stalled', ({ priority }) => priority === 'critical', 38, {
        state: 'acknowledged',
        acknowledgedAt: new Date(now - 30 * 60_000),
        acknowledgedBy: 'grace',
      }),
    ],
    skipDuplicates: true,
  })
}
