/** Statements that read emails for the API, with what happened to them. */
import type { Priority } from '../domain/events.ts'
import type { EmailStatus } from '../domain/lifecycle.ts'
import type { Database } from './database.ts'
import { type Email, type Escalation, Prisma } from './generated/client.ts'

/** Which emails a list holds; what is left out does not matter. */
export interface EmailFilter {
  readonly status?: EmailStatus | undefined
  readonly priority?: Priority | undefined
  /** Normalized. */
  readonly recipient?: string | undefined
  readonly provider?: string | undefined
  readonly tag?: string | undefined
}

/** Where the next page begins: after this email. */
export interface EmailPosition {
  readonly createdAt: string
  readonly id: string
  readonly provider: string
}

/**
 * Emails after `after`, newest first. Index by filter: emails_recipients_idx, else emails_status_…_idx, else
 * emails_priority_…_idx, else emails_created_at_id_provider_idx; `provider` and `tag` only filter what those yield.
 */
export async function listEmails(
  db: Database,
  filter: EmailFilter,
  after: EmailPosition | null,
  limit: number,
): Promise<Email[]> {
  const { status, priority, recipient, provider, tag } = filter
  const conditions = [
    status === undefined ? null : Prisma.sql`status = ${literal(status)}`,
    priority === undefined ? null : Prisma.sql`priority = ${literal(priority)}`,
    provider === undefined ? null : Prisma.sql`provider = ${provider}`,
    tag === undefined ? null : Prisma.sql`tags @> ARRAY[${tag}]::text[]`,
    after &&
      Prisma.sql`(created_at, id, provider) < (${after.createdAt}::timestamptz, ${after.id}::text, ${after.provider}::text)`,
  ].filter((condition) => condition !== null)
  // One person's emails are few: materialized, so that the planner does not walk all emails by time to find them.
  const matching =
    recipient === undefined
      ? Prisma.empty
      : Prisma.sql`WITH emails AS MATERIALIZED (SELECT * FROM emails WHERE recipients @> ARRAY[${recipient}]::text[])`
  const where = conditions.length === 0 ? Prisma.empty : Prisma.sql`WHERE ${Prisma.join(conditions, ' AND ')}`
  const rows = await db.$queryRaw<Record<string, unknown>[]>`
    ${matching} SELECT * FROM emails ${where} ORDER BY created_at DESC, id DESC, provider DESC LIMIT ${limit}`
  return rows.map(emailOfRow)
}

/**
 * A word of ours as it stands in the statement. Bound, it would be unknown to a prepared statement's plan, and a list of
 * the rare ones (`complained`) would walk all emails by time instead of its own index.
 */
const literal = (word: EmailStatus | Priority): Prisma.Sql => Prisma.raw(`'${word}'`)

/** The schema names every column by its field in snake case, so the way back is mechanical. */
export const emailOfRow = (row: Record<string, unknown>): Email =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [camelCase(column), value])) as Email

const camelCase = (column: string): string => column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** One email; of several providers' emails with the same ID the newest. Index: emails_pkey. */
export const findEmail = (db: Database, id: string, provider: string | undefined): Promise<Email | null> =>
  db.email.findFirst({
    where: { id, ...(provider === undefined ? {} : { provider }) },
    orderBy: [{ createdAt: 'desc' }, { provider: 'desc' }],
  })

/** What the API tells of an event, and what a snapshot is folded from; never the payload. */
const eventColumns = {
  provider: true,
  eventId: true,
  emailId: true,
  type: true,
  occurredAt: true,
  receivedAt: true,
  appliedAt: true,
  quarantinedReason: true,
  machineReason: true,
  to: true,
  subject: true,
  bounceClass: true,
  bounceCode: true,
  bounceMessage: true,
  human: true,
} satisfies Prisma.EventSelect

export type StoredEvent = Prisma.EventGetPayload<{ select: typeof eventColumns }>

/** The events of emails with these IDs, of any provider, in timeline order. Index: events_email_id_provider_idx. */
export const readEventsOf = (db: Database, emailIds: readonly string[]): Promise<StoredEvent[]> =>
  db.event.findMany({
    where: { emailId: { in: [...emailIds] } },
    select: eventColumns,
    orderBy: [{ occurredAt: 'asc' }, { receivedAt: 'asc' }, { eventId: 'asc' }],
  })

/** The escalations of emails with these IDs, oldest first. Index: escalations_email_id_provider_reason_key. */
export const readEscalationsOf = (db: Database, emailIds: readonly string[]): Promise<Escalation[]> =>
  db.escalation.findMany({
    where: { emailId: { in: [...emailIds] } },
    orderBy: [{ openedAt: 'asc' }, { id: 'asc' }],
  })
