/** An email as text for the terminal. Pure. */
import ms from 'ms'
import type { Email, Engagement, Escalation, Failure } from '../client/index.ts'
import { partyLabelOf } from '../domain/failure-labels.ts'

interface TimelineEntry {
  readonly at: number
  readonly label: string
  readonly note: string
}

/** Headline, facts, timeline and escalations. */
export function formatEmail(email: Email): string {
  return [headline(email), ...factsOf(email), '', ...timelineOf(email), ...escalationsOf(email)].join('\n')
}

const headline = (email: Email): string =>
  `${email.id}  ${email.status.toUpperCase()}${email.status === email.delivery ? '' : ` (${email.delivery})`}${deliveredToText(email)}`

const deliveredToText = ({ deliveredTo }: Email): string =>
  deliveredTo === null ? '' : `, delivered to ${deliveredTo.delivered} of ${deliveredTo.recipients}`

function factsOf(email: Email): string[] {
  const to = [email.to ?? 'no recipient yet'].flat().join(', ')
  const rows: [string, string | null][] = [
    ['To', to],
    ['Subject', email.subject],
    ['Sent', `${email.priority}, by ${email.provider}${email.tags.length > 0 ? `, ${email.tags.join(' ')}` : ''}`],
    ['Own ID', email.externalId ?? null],
    ['Metadata', metadataText(email)],
    ['Delivered', email.deliveryTimeMs === null ? null : `within ${durationText(email.deliveryTimeMs)}`],
    ['Bounce', bounceText(email)],
    ['Why', failureText(email.failure)],
    ['Opens', engagementText(email.opens)],
    ['Clicks', engagementText(email.clicks)],
    ['Workflow', email.workflowId],
  ]
  return [...rows.flatMap(([name, value]) => (value === null ? [] : [factLine(name, value)])), ...recipientsOf(email)]
}

/** A server of a version before 0.5 sends none. */
const metadataText = ({ metadata = {} }: Partial<Email>): string | null =>
  Object.entries(metadata)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ') || null

const factLine = (name: string, value: string): string => `  ${name.padEnd(10)}${value}`

/** One line per recipient, if there are several. */
const recipientsOf = ({ recipients }: Email): string[] =>
  recipients.length < 2
    ? []
    : recipients.map(({ address, status, failure, suppressed }, index) => {
        const notes = [failureText(failure), suppressed ? 'suppressed' : null].filter((note) => note !== null)
        return factLine(index === 0 ? 'Each' : '', `${address}: ${[status, ...notes].join('; ')}`)
      })

/** Why it failed, and who must act. */
const failureText = (failure: Failure | null): string | null =>
  failure && `${failure.reason}; who must act: ${partyLabelOf(failure.party).actor} [${failure.rule ?? 'rule unknown'}]`

const bounceText = ({ bounce }: Email): string | null =>
  bounce && [bounce.class, bounce.code, bounce.message].filter((part) => part !== null).join(', ')

const engagementText = ({ total, human }: Engagement): string | null =>
  total === 0 ? null : `${total}, ${human} likely by people`

/** `840ms`, `2.5s`, `4m`. */
const durationText = (durationMs: number): string =>
  durationMs < 1_000 || durationMs >= 60_000 ? ms(durationMs) : `${(durationMs / 1_000).toFixed(1)}s`

/** Events that were received later than this get a note. */
const lateMs = 60_000

function timelineOf(email: Email): string[] {
  const events = email.events.map((event): TimelineEntry => {
    const [at, received] = [timeOf(event.occurredAt), timeOf(event.receivedAt)]
    const notes = [
      received - at >= lateMs ? `received ${durationText(received - at)} later` : null,
      event.appliedAt === null ? (event.quarantinedReason ?? 'pending') : null,
    ]
    return { at, label: event.type, note: notes.filter((note) => note !== null).join('; ') }
  })
  const registered = email.registeredAt
  const entries = [
    ...events,
    ...(registered === null ? [] : [{ at: timeOf(registered), label: 'registered', note: 'by the application' }]),
    ...email.escalations.map(({ openedAt, reason }) => ({ at: timeOf(openedAt), label: `! ${reason}`, note: '' })),
  ].sort((a, b) => a.at - b.at)
  const [first] = entries
  return first ? entries.map((entry, index) => entryLine(entry, first.at, index === entries.length - 1)) : []
}

const timeOf = (time: string | null): number => (time === null ? 0 : Date.parse(time))

function entryLine({ at, label, note }: TimelineEntry, startedAt: number, isLast: boolean): string {
  const time = new Date(at).toISOString().replace('T', ' ').replace('Z', '')
  const after = at === startedAt ? '' : `+${durationText(at - startedAt)}`
  return `  ${time}  ${after.padStart(7)}  ${isLast ? '└' : '├'}─ ${label}${note === '' ? '' : `  (${note})`}`
}

const escalationsOf = ({ escalations }: Email): string[] =>
  escalations.length === 0 ? [] : ['', ...escalations.map(escalationLine)]

function escalationLine({ id, reason, state, detail, acknowledgedBy, resolvedBy }: Escalation): string {
  const by = resolvedBy ?? acknowledgedBy
  return `  ${state.toUpperCase()}  ${reason}${by === null ? '' : ` (${by})`}: ${detail}  [${id}]`
}
