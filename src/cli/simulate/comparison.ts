/** An email as the API tells it against what must be true of it. Pure. */
import { isObject, type Json } from '../../providers/fields.ts'
import { deliveryTimeMsOf, type ExpectedEmail, type ExpectedEngagement } from './oracle.ts'

export interface Difference {
  readonly emailId: string
  readonly field: string
  readonly expected: string
  readonly actual: string
}

/** Every difference between `expected` and the API's answer; null means that the API does not know the email. */
export function differencesOf(expected: ExpectedEmail, answer: Json | null): Difference[] {
  if (answer === null) return [differenceIn(expected, 'email', 'known', 'unknown')]
  return [
    ...plainDifferences(expected, answer),
    ...registrationDifferences(expected, answer),
    ...eventDifferences(expected, answer),
    ...escalationDifferences(expected, answer),
  ]
}

/** @param field as the API names it, nested ones with dots. */
export const differenceIn = (email: ExpectedEmail, field: string, expected: unknown, actual: unknown): Difference => ({
  emailId: email.id,
  field,
  expected: shown(expected),
  actual: shown(actual),
})

const shown = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'))

function plainDifferences(expected: ExpectedEmail, answer: Json): Difference[] {
  const { registeredAt } = answer
  const sentAt = expected.sentAt === 'registeredAt' ? registeredAt : isoTime(expected.sentAt)
  const wanted: [string, unknown][] = [
    ['status', expected.status],
    ['delivery', expected.delivery],
    ['priority', expected.priority],
    ['queuedAt', isoTime(expected.queuedAt)],
    ['sendingAt', isoTime(expected.sendingAt)],
    ['sentAt', sentAt],
    ['deliveredAt', isoTime(expected.deliveredAt)],
    ['deliveryTimeMs', deliveryTimeMsOf(expected, typeof registeredAt === 'string' ? Date.parse(registeredAt) : null)],
    ['complainedAt', isoTime(expected.complainedAt)],
    ['bounce', expected.bounce && { ...expected.bounce, at: isoTime(expected.bounce.at) }],
    ['opens', engagementAnswer(expected.opens)],
    ['clicks', engagementAnswer(expected.clicks)],
  ]
  return wanted.flatMap(([field, value]) => compare(expected, field, value, answer[field]))
}

const isoTime = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

const engagementAnswer = ({ total, human, firstAt, lastAt }: ExpectedEngagement) => ({
  total,
  human,
  firstAt: isoTime(firstAt),
  lastAt: isoTime(lastAt),
})

/** Objects field by field; what the answer holds besides is its own affair. */
function compare(email: ExpectedEmail, field: string, expected: unknown, actual: unknown): Difference[] {
  if (isObject(expected) && isObject(actual)) {
    return Object.entries(expected).flatMap(([name, value]) => compare(email, `${field}.${name}`, value, actual[name]))
  }
  return shown(expected) === shown(actual) ? [] : [differenceIn(email, field, expected, actual)]
}

function registrationDifferences(expected: ExpectedEmail, answer: Json): Difference[] {
  const isRegistered = typeof answer['registeredAt'] === 'string'
  if (isRegistered !== expected.isRegistered) {
    return [differenceIn(expected, 'registeredAt', expected.isRegistered ? 'a time' : null, answer['registeredAt'])]
  }
  if (expected.registered === null) return []
  const { to, subject } = expected.registered
  return [
    ...compare(expected, 'to', [...to], [answer['to']].flat()),
    ...compare(expected, 'subject', subject, answer['subject']),
  ]
}

/** What Aftersend learned by asking the provider stands among the events under IDs of its own. */
const isAskedFor = (id: unknown) => String(id).startsWith('reconcile:')

function eventDifferences(expected: ExpectedEmail, answer: Json): Difference[] {
  const events = listIn(answer, 'events')
  const told = events.filter(({ id }) => !isAskedFor(id)).map(({ type, occurredAt }) => `${type} ${occurredAt}`)
  const wanted = expected.events.map(({ type, at }) => `${type} ${isoTime(at)}`)
  const unapplied = events.filter((event) => typeof event['appliedAt'] !== 'string').map((event) => event['id'])
  return [
    ...compare(expected, 'events', wanted.toSorted(), told.toSorted()),
    ...compare(expected, 'events without appliedAt', [], unapplied),
  ]
}

function escalationDifferences(expected: ExpectedEmail, answer: Json): Difference[] {
  const escalations = listIn(answer, 'escalations')
  const isStall = (escalation: Json) => escalation['reason'] === 'stalled'
  const reasons = escalations.filter((escalation) => !isStall(escalation)).map((escalation) => escalation['reason'])
  const openStalls = escalations.filter((escalation) => isStall(escalation) && escalation['state'] !== 'resolved')
  return [
    ...compare(expected, 'escalations', expected.escalations.toSorted(), reasons.map(String).toSorted()),
    ...(expected.isSettled ? compare(expected, 'open stalls', 0, openStalls.length) : []),
  ]
}

const listIn = (answer: Json, field: string): Json[] => {
  const list = answer[field]
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** Whether every planned event has been applied: what differs then will hardly become right by waiting. */
export function isFullyApplied(expected: ExpectedEmail, answer: Json | null): boolean {
  return answer !== null && eventDifferences(expected, answer).length === 0
}
