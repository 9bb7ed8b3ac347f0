/** Compares an email in the API's response with its expected state. Pure. */
import { isObject, type Json } from '../providers/fields.ts'
import { deliveryTimeMsOf, type ExpectedEmail, type ExpectedEngagement, type ExpectedRecipient } from './oracle.ts'

export interface Difference {
  readonly emailId: string
  readonly field: string
  readonly expected: string
  readonly actual: string
}

/** @param actual the API's response; null if it does not know the email. */
export function differencesOf(expected: ExpectedEmail, actual: Json | null): Difference[] {
  if (actual === null) return [differenceIn(expected, 'email', 'known', 'unknown')]
  return [
    ...fieldDifferences(expected, actual),
    ...recipientDifferences(expected, actual),
    ...registrationDifferences(expected, actual),
    ...eventDifferences(expected, actual),
    ...escalationDifferences(expected, actual),
  ]
}

/** @param field the API's name, such as `opens.total`. */
export const differenceIn = (email: ExpectedEmail, field: string, expected: unknown, actual: unknown): Difference => ({
  emailId: email.id,
  field,
  expected: shown(expected),
  actual: shown(actual),
})

const shown = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'))

function fieldDifferences(expected: ExpectedEmail, actual: Json): Difference[] {
  const { registeredAt } = actual
  const sentAt = expected.sentAt === 'registeredAt' ? registeredAt : isoTime(expected.sentAt)
  const fields: [string, unknown][] = [
    ['status', expected.status],
    ['delivery', expected.delivery],
    ['priority', expected.priority],
    ...ownIdFields(expected),
    ['queuedAt', isoTime(expected.queuedAt)],
    ['sendingAt', isoTime(expected.sendingAt)],
    ['sentAt', sentAt],
    ['deliveredAt', isoTime(expected.deliveredAt)],
    ['deliveryTimeMs', deliveryTimeMsOf(expected, typeof registeredAt === 'string' ? Date.parse(registeredAt) : null)],
    ['complainedAt', isoTime(expected.complainedAt)],
    ['bounce', expected.bounce && { ...expected.bounce, at: isoTime(expected.bounce.at) }],
    ['failure', expected.failure],
    ['deliveredTo', deliveredToOf(expected)],
    ['opens', engagementView(expected.opens)],
    ['clicks', engagementView(expected.clicks)],
  ]
  return fields.flatMap(([field, value]) => compare(expected, field, value, actual[field]))
}

/** Those of an email that nobody registered are known only by the provider's webhooks, not by every provider's record. */
const ownIdFields = ({ externalId, metadata, isRegistered, mayBeReconciled }: ExpectedEmail): [string, unknown][] =>
  isRegistered || !mayBeReconciled
    ? [
        ['externalId', externalId],
        ['metadata', metadata],
      ]
    : []

const isoTime = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

const engagementView = ({ total, human, firstAt, lastAt }: ExpectedEngagement) => ({
  total,
  human,
  firstAt: isoTime(firstAt),
  lastAt: isoTime(lastAt),
})

/** Of an email with several recipients. */
const deliveredToOf = ({ recipients }: ExpectedEmail) =>
  recipients.length > 1
    ? { delivered: recipients.filter(({ delivery }) => delivery === 'delivered').length, recipients: recipients.length }
    : null

function recipientDifferences(expected: ExpectedEmail, actual: Json): Difference[] {
  const found = new Map(listIn(actual, 'recipients').map((recipient) => [recipient['address'], recipient]))
  const addresses = expected.recipients.map(({ address }) => address)
  return [
    ...compare(expected, 'recipients', addresses.toSorted(), [...found.keys()].map(String).toSorted()),
    ...expected.recipients.flatMap((recipient) =>
      compare(expected, `recipient ${recipient.address}`, recipientView(recipient), found.get(recipient.address)),
    ),
  ]
}

const recipientView = ({ deliveredAt, complainedAt, opens, clicks, suppression, ...facts }: ExpectedRecipient) => ({
  ...facts,
  deliveredAt: isoTime(deliveredAt),
  complainedAt: isoTime(complainedAt),
  opens: engagementView(opens),
  clicks: engagementView(clicks),
  suppressed: suppression !== null,
})

/** Compares objects field by field, and ignores additional fields of `actual`. */
function compare(email: ExpectedEmail, field: string, expected: unknown, actual: unknown): Difference[] {
  if (isObject(expected) && isObject(actual)) {
    return Object.entries(expected).flatMap(([name, value]) => compare(email, `${field}.${name}`, value, actual[name]))
  }
  return shown(expected) === shown(actual) ? [] : [differenceIn(email, field, expected, actual)]
}

function registrationDifferences(expected: ExpectedEmail, actual: Json): Difference[] {
  const isRegistered = typeof actual['registeredAt'] === 'string'
  if (isRegistered !== expected.isRegistered) {
    return [differenceIn(expected, 'registeredAt', expected.isRegistered ? 'a time' : null, actual['registeredAt'])]
  }
  if (expected.registered === null) return []
  const { to, subject } = expected.registered
  return [
    ...compare(expected, 'to', [...to], [actual['to']].flat()),
    ...compare(expected, 'subject', subject, actual['subject']),
  ]
}

/** Events that Aftersend got from the provider's API have this prefix, where the API does not give the identity of the webhook's. */
const isFromLookup = (id: unknown) => String(id).startsWith('reconcile:')

function eventDifferences(expected: ExpectedEmail, actual: Json): Difference[] {
  const events = listIn(actual, 'events')
  const counted = expected.mayBeReconciled ? events : events.filter(({ id }) => !isFromLookup(id))
  // A webhook that comes after the API has answered may be a second event of the same kind and time.
  const distinct = (texts: string[]) => (expected.mayBeReconciled ? [...new Set(texts)] : texts)
  const actualEvents = distinct(counted.map(({ type, occurredAt }) => `${type} ${occurredAt}`))
  const expectedEvents = distinct(expected.events.map(({ type, at }) => `${type} ${isoTime(at)}`))
  const unapplied = events.filter((event) => typeof event['appliedAt'] !== 'string').map((event) => event['id'])
  return [
    ...compare(expected, 'events', expectedEvents.toSorted(), actualEvents.toSorted()),
    ...compare(expected, 'events without appliedAt', [], unapplied),
  ]
}

function escalationDifferences(expected: ExpectedEmail, actual: Json): Difference[] {
  const escalations = listIn(actual, 'escalations')
  const isStall = (escalation: Json) => escalation['reason'] === 'stalled'
  const reasons = escalations.filter((escalation) => !isStall(escalation)).map((escalation) => escalation['reason'])
  const openStalls = escalations.filter((escalation) => isStall(escalation) && escalation['state'] !== 'resolved')
  return [
    ...compare(expected, 'escalations', expected.escalations.toSorted(), reasons.map(String).toSorted()),
    ...(expected.isSettled ? compare(expected, 'open stalls', 0, openStalls.length) : []),
  ]
}

const listIn = (object: Json, field: string): Json[] => {
  const list = object[field]
  return Array.isArray(list) ? list.filter(isObject) : []
}

/** Whether every planned event is applied. Other differences are then unlikely to disappear by waiting. */
export function isFullyApplied(expected: ExpectedEmail, actual: Json | null): boolean {
  return actual !== null && eventDifferences(expected, actual).length === 0
}
