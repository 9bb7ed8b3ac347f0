/** The invariants of the tables: at every commit, and at the end. */
import { isDeepStrictEqual } from 'node:util'
import { escalationIdOf } from '../../src/db/escalations.ts'
import { urgentReasons } from '../../src/domain/escalation.ts'
import { type EmailKey, registrationEventType } from '../../src/domain/events.ts'
import { emptySnapshot, foldEvents, isSettled, type Snapshot } from '../../src/domain/lifecycle.ts'
import { isSuppressing } from '../../src/workflows/suppress-recipients.ts'
import { type EmailRow, type EventRow, emailKeyText } from './fake-tables.ts'
import { undeliveredOn } from './overdue-search.ts'
import type { World } from './world.ts'

/** Written by a registration together with its event, so they may be ahead of the applied events. */
const registered = ['registeredAt', 'registeredAsSent', 'priority', 'priorityNamedAt', 'firstReceivedAt'] as const

const without = (snapshot: Snapshot, names: readonly string[]): Partial<Snapshot> =>
  Object.fromEntries(Object.entries(snapshot).filter(([name]) => !names.includes(name)))

/** What depends on which recipients are known. */
const ofRecipients = ['recipients', 'settledReceivedAt']

const isPendingRegistration = ({ type, appliedAt }: EventRow): boolean =>
  type === registrationEventType && appliedAt === null

/** Checks every commit: an email's row is always the fold of its applied events. */
export function watchCommits(world: World): void {
  const { tables } = world.database
  tables.onCommit = (kind, emails) => {
    if (kind === 'apply') for (const email of emails) checkRow(world, email)
    if (kind !== 'escalate') return
    for (const id of world.resolved)
      if (tables.escalations.get(id)?.escalation.state !== 'resolved')
        world.violations.push(`${id} was resolved by a person and is not any more`)
  }
}

function checkRow(world: World, email: EmailKey): void {
  const row = world.database.tables.emails.get(emailKeyText(email))
  const applied = eventsOf(world, email).filter(({ appliedAt }) => appliedAt !== null)
  const folded = foldEvents(
    emptySnapshot,
    applied.map((event) => world.database.eventOf(event)),
  )
  // A registration names recipients in the row before its event is applied.
  const isRegistering = eventsOf(world, email).some((event) => isPendingRegistration(event))
  const comparable = (snapshot: Snapshot) =>
    without(snapshot, isRegistering ? [...registered, ...ofRecipients] : registered)
  if (row && isDeepStrictEqual(comparable(row.snapshot), comparable(folded))) return
  world.violations.push(`${email.emailId} is not the fold of its applied events: ${differences(row?.snapshot, folded)}`)
}

const eventsOf = (world: World, { provider, emailId }: EmailKey): EventRow[] =>
  [...world.database.tables.events.values()].filter((row) => row.provider === provider && row.emailId === emailId)

function differences(stored: Snapshot | undefined, folded: Snapshot): string {
  const names = Object.keys(folded) as (keyof Snapshot)[]
  return names
    .filter((name) => !isDeepStrictEqual(stored?.[name], folded[name]))
    .map((name) => `${name} is ${JSON.stringify(stored?.[name])}, not ${JSON.stringify(folded[name])}`)
    .join('; ')
}

/** What is still to be done. Empty once the system is idle. */
export function pendingWork(world: World): string[] {
  const { events, emails } = world.database.tables
  const waiting = [...events.values()].filter(({ appliedAt }) => appliedAt === null)
  if (waiting.length > 0)
    return waiting.map((row) => `${row.id} is not applied (${row.attempts} attempts, ${row.quarantinedReason})`)
  return [
    ...[...emails.values()].flatMap((email) => pendingOfEmail(world, email)),
    ...pendingNotices(world),
    ...world.temporal.openRuns().flatMap(({ workflowId, type }) => {
      const email = [...emails.values()].find((row) => workflowId === `email/${row.provider}/${row.emailId}`)
      return type === 'emailLifecycle' && (!email || isSettled(email.snapshot)) ? [`${workflowId} is still open`] : []
    }),
  ]
}

function pendingOfEmail(world: World, email: EmailRow): string[] {
  const has = (reason: Parameters<typeof escalationIdOf>[1]) =>
    world.database.tables.escalations.has(escalationIdOf(email, reason))
  const reasons = [
    ...urgentReasons(email.snapshot),
    ...(isSilent(email) && !world.slowEmails.has(email.emailId) ? (['stalled'] as const) : []),
  ]
  const missing = reasons
    .filter((reason) => !has(reason))
    .map((reason) => `${email.emailId} is not escalated: ${reason}`)
  const unsuppressed = eventsOf(world, email)
    .filter(
      (row) => isSuppressing(world.database.eventOf(row)) && !isSuppressed(world, row) && !has('recipient_unclear'),
    )
    .map(({ id }) => `${id} suppressed nobody`)
  return [...missing, ...unsuppressed]
}

/** Events without a meaning start no clock. */
const isSilent = ({ snapshot }: EmailRow): boolean => !isSettled(snapshot) && snapshot.firstReceivedAt !== null

function isSuppressed(world: World, row: EventRow): boolean {
  const address = world.database.recipientOf(row)
  return [...world.database.tables.suppressions.values()].some((suppression) => suppression.address === address)
}

/**
 * Notices that are due later or undelivered. Of a lost run, only the latest notice of an unresolved escalation counts; if no run
 * was lost, all of them count.
 */
export function pendingNotices(world: World): string[] {
  return [...world.database.tables.escalations].flatMap(([id, { escalation, emailId }]) => {
    const { reason, nextNoticeAt, notices, state } = escalation
    const named = `${emailId} ${reason}`
    const due = nextNoticeAt === null ? [] : [`${named}: another notice is to be sent`]
    const all = Array.from({ length: notices }, (_, n) => n + 1)
    const counting = world.hasLostRuns ? (state === 'resolved' ? [] : [notices]) : all
    return [
      ...due,
      ...counting.flatMap((notice) =>
        unsent(world, id, notice).map((channel) => `${named}: notice ${notice} was not sent by ${channel}`),
      ),
    ]
  })
}

const unsent = (world: World, escalationId: string, notice: number): string[] =>
  world.channels
    .filter(
      ({ name, taken }) =>
        !taken.includes(`${escalationId}.${notice}`) || undeliveredOn(world, escalationId, notice).includes(name),
    )
    .map(({ name }) => name)

/** The invariants at the end, when the system is idle. */
export function finalViolations(world: World): string[] {
  const { events, emails } = world.database.tables
  const lost = [...world.acknowledged.values()].filter(({ provider, id }) => !events.has(`${provider}\n${id}`))
  const unequal = [...emails.values()].flatMap((email) => {
    const folded = foldEvents(
      emptySnapshot,
      eventsOf(world, email).map((event) => world.database.eventOf(event)),
    )
    const difference = differences(email.snapshot, folded)
    return difference === '' ? [] : [`${email.emailId} is not the fold of its events: ${difference}`]
  })
  return [...lost.map(({ id }) => `${id} was acknowledged and is missing`), ...unequal]
}
