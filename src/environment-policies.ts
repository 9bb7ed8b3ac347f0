/** The environment variables of policies: when an email is stalled, how long data is stored, when an incident opens. */
import { z } from 'zod'
import * as format from './environment-formats.ts'
import { forApi, forBoth, forWorker } from './environment-formats.ts'

export const lifecycle = {
  STALL_AFTER_CRITICAL: forBoth(
    format.duration('10m'),
    'Time without a sign of delivery after which a critical email counts as stalled.',
  ),
  STALL_AFTER_NORMAL: forBoth(format.duration('4h'), 'The same for an email of normal priority.'),
  STALL_AFTER_BULK: forBoth(format.duration('24h'), 'The same for a bulk email.'),
  ESCALATION_REPEAT_AFTER: forBoth(
    format.duration('30m'),
    'Time without an acknowledgement after which the second notification of an escalation is sent.',
  ),
  LINGER_AFTER_SETTLED: forBoth(
    format.duration('1m'),
    'Approximate time for which the workflow of an email stays open after delivery is settled, if no notification is due.',
  ),
  GIVE_UP_AFTER: forBoth(
    format.duration('14d'),
    'Time after which the workflow of an email whose delivery is never settled completes.',
  ),
  COALESCE_FOR_NORMAL: forApi(
    format.durationOrZero('1s'),
    'Time for which the first events of an email of normal priority wait for further events, to share one signal with them. ' +
      'A longer time costs fewer Temporal actions and delays the status by as much. Events of critical emails do not wait.',
  ),
  COALESCE_FOR_BULK: forApi(format.durationOrZero('1s'), 'The same for a bulk email.'),
  MAX_EVENT_AGE: forBoth(
    format.duration('7d'),
    'An event whose timestamp is older than this on receipt is quarantined and not applied.',
  ),
}

export const retention = {
  RETAIN_PAYLOADS: forWorker(format.duration('30d'), 'Time for which the JSON of events is stored, as it was signed.'),
  RETAIN_ADDRESSES: forWorker(
    format.duration('180d'),
    'Time for which addresses and subjects of emails are stored. Suppressions are not affected.',
  ),
  RETAIN_EVENTS: forWorker(
    format.durationOrForever('400d'),
    'Time for which events and DMARC reports are stored. Months that are older are dropped; `forever` drops none. At least 2 days longer than ' +
      '`MAX_EVENT_AGE`.',
  ),
}

export const alarms = {
  ALARM_BOUNCE_RATE: forWorker(
    format.percentage('2%'),
    'Share of hard bounces among the emails sent in the last 24 hours, for a provider or a tag, above which an incident opens.',
  ),
  ALARM_COMPLAINT_RATE: forWorker(
    format.percentage('0.1%'),
    'Share of complaints among the emails delivered in the last 24 hours, for a provider or a tag, above which an incident opens.',
  ),
  ALARM_MIN_SAMPLE: forWorker(format.wholeNumber(100), 'Smallest number of emails whose rates open an incident.'),
  ALARM_REFUSAL_RATE: forWorker(
    format.percentage('10%'),
    'Share of emails to a mailbox provider within an hour that are refused for one reason and through your fault, above which an incident opens.',
  ),
  ALARM_MIN_REFUSALS: forWorker(format.wholeNumber(5), 'Smallest number of such refusals that opens an incident.'),
  ALARM_BACKLOG_AFTER: forApi(
    format.duration('10m'),
    'Age of the oldest event that is not applied, above which an incident opens.',
  ),
  ALARM_SIGNATURE_FAILURES: forWorker(
    format.wholeNumber(20),
    'Number of webhooks of a provider with a wrong signature within 10 minutes, above which an incident opens if they are a tenth of all of its webhooks.',
  ),
  ALARM_SILENCE_AFTER: forWorker(
    format.duration('6h'),
    'Time without a webhook of a provider, while emails wait for one, after which an incident opens.',
  ),
}

/** How long providers retry a webhook (AISend: 24 hours), and a day more. */
const repeatWindowMs = 2 * 86_400_000

interface RetentionVariables {
  readonly RETAIN_EVENTS: number | null
  readonly MAX_EVENT_AGE: number
}

/** Settings that contradict each other. */
export const conflictingRetention = ({
  RETAIN_EVENTS: keptForMs,
  MAX_EVENT_AGE: maxAgeMs,
}: RetentionVariables): string[] =>
  keptForMs !== null && keptForMs < maxAgeMs + repeatWindowMs
    ? ['RETAIN_EVENTS must be at least 2 days longer than MAX_EVENT_AGE, so that repeated events are recognized']
    : []

export const mailboxProviders = {
  MAILBOX_PROVIDER_LOOKUP: forWorker(
    z.enum(['on', 'off'], 'must be on or off').default('on'),
    'Whether DNS is asked who receives the email of a domain (MX records). With `off`, only the providers’ own domains are known, such as `gmail.com`.',
  ),
  DNS_SERVERS: forBoth(
    format.dnsServers,
    'The DNS servers that are asked, also for what your domains publish (the page Domains).',
    'those of the machine',
  ),
}

export const endpoints = {
  ENDPOINT_ALLOWED_HOSTS: forBoth(
    format.allowedHosts,
    'Internal targets that webhooks to applications may be sent to, also with `http://`. Without it, endpoints name public hosts with `https://`.',
    'none',
  ),
}

const lifecycleVariables = z.object(lifecycle)

/** The durations of an email's workflow, from the variables. */
export const lifecyclePolicy = (env: z.infer<typeof lifecycleVariables>) => ({
  stallAfterMs: {
    critical: env.STALL_AFTER_CRITICAL,
    normal: env.STALL_AFTER_NORMAL,
    bulk: env.STALL_AFTER_BULK,
  },
  escalationRepeatAfterMs: env.ESCALATION_REPEAT_AFTER,
  lingerAfterSettledMs: env.LINGER_AFTER_SETTLED,
  giveUpAfterMs: env.GIVE_UP_AFTER,
})

const alarmVariables = z.object(alarms)

/** The limits for incidents, from the variables. */
export const alarmPolicy = (env: z.infer<typeof alarmVariables>) => ({
  bounceRate: env.ALARM_BOUNCE_RATE,
  complaintRate: env.ALARM_COMPLAINT_RATE,
  minimumSample: env.ALARM_MIN_SAMPLE,
  refusalRate: env.ALARM_REFUSAL_RATE,
  minimumRefusals: env.ALARM_MIN_REFUSALS,
  backlogAfterMs: env.ALARM_BACKLOG_AFTER,
  signatureFailures: env.ALARM_SIGNATURE_FAILURES,
  silenceAfterMs: env.ALARM_SILENCE_AFTER,
})
