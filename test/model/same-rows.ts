/** The rows of PostgreSQL's tables and of the fake's, in a form that can be compared. */
import type { Database } from '../../src/db/database.ts'
import { type OverduePosition, readOverdueEmails } from '../../src/db/overdue-emails.ts'
import { snapshotOf } from '../../src/db/snapshot-columns.ts'
import { registrationEventType } from '../../src/domain/events.ts'
import { deliveryOf, statusOf } from '../../src/domain/lifecycle.ts'
import { type FakeDatabase, storedSnapshotOf } from './fake-database.ts'
import { searches } from './overdue-search.ts'
import { policy } from './world.ts'

/** To ten seconds: both clocks are the machine's. */
const leaseOf = (at: number | null): number | null => (at === null ? null : Math.round((at - Date.now()) / 10_000))

const inOrder = <T>(rows: readonly T[], nameOf: (row: T) => string): T[] =>
  [...rows].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))

export async function realRows(db: Database): Promise<unknown> {
  const [events, emails, recipients, suppressions] = await Promise.all([
    db.event.findMany({ orderBy: { eventId: 'asc' } }),
    db.email.findMany({ orderBy: { id: 'asc' } }),
    db.emailRecipient.findMany(),
    db.suppression.findMany({ orderBy: { id: 'asc' } }),
  ])
  // A pending registration is in the row, but not in its status yet.
  const registered = new Set(
    events.filter((row) => row.type === registrationEventType && row.appliedAt === null).map(({ emailId }) => emailId),
  )
  return {
    events: events.map((row) => ({
      id: row.eventId,
      attempts: row.attempts,
      rank: row.priority,
      isApplied: row.appliedAt !== null,
      quarantinedReason: row.quarantinedReason,
      lease: leaseOf(row.leaseUntil?.getTime() ?? null),
    })),
    emails: emails.map((row) => ({
      id: row.id,
      to: row.recipients,
      domain: row.recipientDomain,
      revision: row.revision,
      headline: registered.has(row.id) ? null : [row.status, row.delivery],
      snapshot: snapshotOf(
        row,
        recipients.filter(({ emailId }) => emailId === row.id),
      ),
    })),
    suppressions: suppressions.map(({ address, reason, eventId }) => ({ address, reason, eventId })),
  }
}

export function fakeRows({ tables }: FakeDatabase): unknown {
  const events = inOrder([...tables.events.values()], ({ id }) => id)
  const registered = new Set(
    events.filter((row) => row.type === registrationEventType && row.appliedAt === null).map(({ emailId }) => emailId),
  )
  return {
    events: events.map((row) => ({
      id: row.id,
      attempts: row.attempts,
      rank: row.rank,
      isApplied: row.appliedAt !== null,
      quarantinedReason: row.quarantinedReason,
      lease: leaseOf(row.leaseUntil),
    })),
    emails: inOrder([...tables.emails.values()], ({ emailId }) => emailId).map((row) => ({
      id: row.emailId,
      to: row.to,
      domain: row.recipientDomain,
      revision: row.revision,
      headline: registered.has(row.emailId) ? null : [statusOf(row.snapshot), deliveryOf(row.snapshot)],
      snapshot: storedSnapshotOf(row),
    })),
    suppressions: [...tables.suppressions.values()].map(({ address, reason, eventId }) => ({
      address,
      reason,
      eventId,
    })),
  }
}

const channels = ['webhook', 'email']
/** Later than all deadlines, so that all are overdue. */
const dueBefore = (): number => Date.now() + 60_000

/** The overdue emails, page by page. */
export async function realOverdue(db: Database): Promise<string[]> {
  const found = new Set<string>()
  const question = { policy: { ...policy, giveUpAfterMs: 1e12 }, channels, dueBefore: dueBefore(), limit: 2 }
  for (let after: OverduePosition | null = null; ; ) {
    const { emails, next }: Awaited<ReturnType<typeof readOverdueEmails>> = await readOverdueEmails(db, question, after)
    for (const { emailId } of emails) found.add(emailId)
    if (next === null) return [...found].sort()
    after = next
  }
}

export function fakeOverdue(database: FakeDatabase): string[] {
  const searched = { database, channels: channels.map((name) => ({ name, isDown: false, taken: [] })) }
  const found = Object.values(searches).flatMap((search) => search(searched, dueBefore()))
  return [...new Set(found.map(({ emailId }) => emailId))].sort()
}
