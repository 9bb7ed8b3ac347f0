/** An email's life as text: what a person reads who was asked what became of it. Pure. */
import ms from 'ms'
import type { Email, Engagement, Escalation } from '../client/index.ts'

/** A moment of the life, with how long it took from the first. */
interface Moment {
  readonly at: number
  readonly what: string
  /** What is to be known besides. */
  readonly note: string
}

/** Headline, facts, timeline and escalations, without an empty line at the end. */
export function drawLife(email: Email): string {
  return [headline(email), ...factsOf(email), '', ...timelineOf(email), ...escalationsOf(email)].join('\n')
}

const headline = (email: Email): string =>
  `${email.id}  ${email.status.toUpperCase()}${email.status === email.delivery ? '' : ` (${email.delivery})`}`

function factsOf(email: Email): string[] {
  const to = [email.to ?? 'nobody named yet'].flat().join(', ')
  const rows: [string, string | null][] = [
    ['To', to],
    ['Subject', email.subject],
    ['Sent', `${email.priority}, by ${email.provider}${email.tags.length > 0 ? `, ${email.tags.join(' ')}` : ''}`],
    ['Delivered', email.deliveryTimeMs === null ? null : `within ${durationWords(email.deliveryTimeMs)}`],
    ['Bounce', bounceWords(email)],
    ['Opens', engagementWords(email.opens)],
    ['Clicks', engagementWords(email.clicks)],
    ['Workflow', email.workflowId],
  ]
  return rows.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(10)}${value}`]))
}

const bounceWords = ({ bounce }: Email): string | null =>
  bounce && [bounce.class, bounce.code, bounce.message].filter((part) => part !== null).join(', ')

const engagementWords = ({ total, human }: Engagement): string | null =>
  total === 0 ? null : `${total}, ${human} likely by people`

/** Short times with a digit behind the point, long ones as people say them. */
const durationWords = (durationMs: number): string =>
  durationMs < 1_000 || durationMs >= 60_000 ? ms(durationMs) : `${(durationMs / 1_000).toFixed(1)}s`

/** A webhook that came so late is worth a word. */
const lateMs = 60_000

function timelineOf(email: Email): string[] {
  const told = email.events.map((event): Moment => {
    const [at, received] = [timeOf(event.occurredAt), timeOf(event.receivedAt)]
    const notes = [
      received - at >= lateMs ? `heard ${durationWords(received - at)} later` : null,
      event.appliedAt === null ? (event.quarantinedReason ?? 'waits to be applied') : null,
    ]
    return { at, what: event.type, note: notes.filter((note) => note !== null).join('; ') }
  })
  const registered = email.registeredAt
  const moments = [
    ...told,
    ...(registered === null ? [] : [{ at: timeOf(registered), what: 'registered', note: 'by the application' }]),
    ...email.escalations.map(({ openedAt, reason }) => ({ at: timeOf(openedAt), what: `! ${reason}`, note: '' })),
  ].sort((a, b) => a.at - b.at)
  const [first] = moments
  return first ? moments.map((moment, index) => momentLine(moment, first.at, index === moments.length - 1)) : []
}

const timeOf = (time: string | null): number => (time === null ? 0 : Date.parse(time))

function momentLine({ at, what, note }: Moment, startedAt: number, isLast: boolean): string {
  const time = new Date(at).toISOString().replace('T', ' ').replace('Z', '')
  const after = at === startedAt ? '' : `+${durationWords(at - startedAt)}`
  return `  ${time}  ${after.padStart(7)}  ${isLast ? '└' : '├'}─ ${what}${note === '' ? '' : `  (${note})`}`
}

const escalationsOf = ({ escalations }: Email): string[] =>
  escalations.length === 0 ? [] : ['', ...escalations.map(escalationLine)]

function escalationLine({ id, reason, state, detail, acknowledgedBy, resolvedBy }: Escalation): string {
  const by = resolvedBy ?? acknowledgedBy
  return `  ${state.toUpperCase()}  ${reason}${by === null ? '' : ` (${by})`}: ${detail}  [${id}]`
}
