/** Statements that read emails, their events and escalations for the API. */
import { erasedAddress } from '../domain/address.ts'
import type { EmailKey, Priority } from '../domain/events.ts'
import type { FailureParty, FailureReason } from '../domain/failure.ts'
import type { EmailStatus } from '../domain/lifecycle.ts'
import type { Metadata } from '../domain/own-ids.ts'
import type { Database } from './database.ts'
import type { EventKey } from './event-key.ts'
import { type Email, type Escalation, Prisma } from './generated/client.ts'

/** Which emails a list holds; an absent field does not filter. */
export interface EmailFilter {
  readonly status?: EmailStatus | undefined
  readonly priority?: Priority | undefined
  /** Normalized. */
  readonly recipient?: string | undefined
  readonly provider?: string | undefined
  readonly tag?: string | undefined
  readonly externalId?: string | undefined
  /** The email has all of these pairs. */
  readonly metadata?: Metadata | undefined
  /** Why it failed or is deferred: of the worst bounce of all recipients. Emails of versions before 0.5 have none. */
  readonly reason?: FailureReason | undefined
  readonly party?: FailureParty | undefined
}

/** The last email of a page. */
export interface EmailPosition {
  readonly createdAt: string
  readonly id: string
  readonly provider: string
}

/**
 * Emails after `after`, newest first. Index by filter: email_recipients_address_created_at_idx, else emails_external_id, else
 * emails_metadata if the pairs are rare, else emails_failure_reason or
 * emails_failure_party, else emails_status_…_idx, else emails_priority_…_idx, else emails_created_at_id_provider_idx; `provider` and
 * `tag` filter their rows.
 */
export async function listEmails(
  db: Database,
  filter: EmailFilter,
  after: EmailPosition | null,
  limit: number,
): Promise<Email[]> {
  const { recipient, externalId, metadata } = filter
  const where = whereOf([...conditionsOf(filter), olderThan(after)])
  const query = externalId === undefined && metadata === undefined ? queryRaw : queryByValues
  const read = async (source: Prisma.Sql): Promise<Email[]> => {
    const statement = Prisma.sql`${source} SELECT * FROM emails ${where} ${newestFirst} LIMIT ${limit}`
    return (await query(db, statement)).map(emailOfRow)
  }
  if (recipient !== undefined) return read(sentTo(recipient))
  if (metadata === undefined || externalId !== undefined) return read(Prisma.empty)
  const ofNewest = await read(newest(limit * newestPerEmail, after))
  return ofNewest.length === limit ? ofNewest : read(withPairs(metadata))
}

/** One recipient has few emails: materialized, so that the planner does not scan all emails by time for them. */
const sentTo = (recipient: string): Prisma.Sql => Prisma.sql`WITH emails AS MATERIALIZED (
  SELECT emails.* FROM email_recipients JOIN emails ON emails.id = email_id AND emails.provider = email_recipients.provider
  WHERE address = ${recipient})`

/**
 * Pairs that one email in fifty has fill a page from so many of the newest emails for each of its places. Those of fewer are found by
 * emails_metadata. The planner cannot decide this: where its sample of emails holds the pairs of one customer, it takes them for those of a
 * hundredth, and reads all emails by time (2.4 s for a million).
 */
const newestPerEmail = 50

const newest = (count: number, after: EmailPosition | null): Prisma.Sql => Prisma.sql`WITH emails AS MATERIALIZED (
  SELECT * FROM emails ${whereOf([olderThan(after)])} ${newestFirst} LIMIT ${count})`

const withPairs = (metadata: Metadata): Prisma.Sql =>
  Prisma.sql`WITH emails AS MATERIALIZED (SELECT * FROM emails WHERE ${havingPairs(metadata)})`

const havingPairs = (metadata: Metadata): Prisma.Sql => Prisma.sql`metadata @> ${JSON.stringify(metadata)}::jsonb`

const conditionsOf = (filter: EmailFilter): (Prisma.Sql | null)[] => {
  const { status, priority, provider, tag, reason, party, externalId, metadata } = filter
  return [
    status === undefined ? null : Prisma.sql`status = ${literal(status)}`,
    priority === undefined ? null : Prisma.sql`priority = ${literal(priority)}`,
    provider === undefined ? null : Prisma.sql`provider = ${provider}`,
    reason === undefined ? null : Prisma.sql`failure_reason = ${literal(reason)}`,
    party === undefined ? null : Prisma.sql`failure_party = ${literal(party)}`,
    tag === undefined ? null : Prisma.sql`tags @> ARRAY[${tag}]::text[]`,
    externalId === undefined ? null : Prisma.sql`external_id = ${externalId}`,
    metadata === undefined ? null : havingPairs(metadata),
  ]
}

const newestFirst = Prisma.raw('ORDER BY created_at DESC, id DESC, provider DESC')

const olderThan = (after: EmailPosition | null): Prisma.Sql | null =>
  after &&
  Prisma.sql`(created_at, id, provider) < (${after.createdAt}::timestamptz, ${after.id}::text, ${after.provider}::text)`

function whereOf(conditions: readonly (Prisma.Sql | null)[]): Prisma.Sql {
  const given = conditions.filter((condition) => condition !== null)
  return given.length === 0 ? Prisma.empty : Prisma.sql`WHERE ${Prisma.join(given, ' AND ')}`
}

type Rows = Record<string, unknown>[]

const queryRaw = (db: Database, statement: Prisma.Sql): Promise<Rows> => db.$queryRaw<Rows>(statement)

/** Without a name, so that PostgreSQL plans it for its values: a pair may be rare, or that of all emails. */
const queryByValues = async ({ pool }: Database, { text, values }: Prisma.Sql): Promise<Rows> =>
  (await pool.query<Record<string, unknown>>(text, values)).rows

/**
 * A literal in the statement's text. The plan of a prepared statement does not know a bound value, and would scan all emails by
 * time for a rare status (`complained`) instead of using its index.
 */
const literal = (value: EmailStatus | Priority | FailureReason | FailureParty): Prisma.Sql => Prisma.raw(`'${value}'`)

/** Every column is the snake case of its field, so the field follows from the column. */
export const emailOfRow = (row: Record<string, unknown>): Email =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [camelCase(column), value])) as Email

const camelCase = (column: string): string => column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** One email; the newest if several providers use the same ID. Index: emails_pkey. */
export const findEmail = (db: Database, id: string, provider: string | undefined): Promise<Email | null> =>
  db.email.findFirst({
    where: { id, ...(provider === undefined ? {} : { provider }) },
    orderBy: [{ createdAt: 'desc' }, { provider: 'desc' }],
  })

/** What a provider needs to find an email: its ID, whom it was sent to, and since when it is known (epoch milliseconds). Index: emails_pkey. */
export async function readAskedEmail(db: Database, { provider, emailId }: EmailKey) {
  const row = await db.email.findUnique({
    where: { id_provider: { id: emailId, provider } },
    select: { recipients: true, createdAt: true },
  })
  const recipients = (row?.recipients ?? []).filter((address) => address !== erasedAddress)
  return { emailId, recipients, since: row?.createdAt.getTime() ?? Date.now() }
}

/** The emails with these IDs, of any provider. Index: emails_pkey. */
export const readEmailsWithIds = (db: Database, ids: readonly string[]): Promise<Email[]> =>
  db.email.findMany({ where: { id: { in: [...ids] } } })

/** The columns that the API returns and the fold needs; not the payload. */
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
  recipient: true,
  subject: true,
  bounceClass: true,
  bounceCode: true,
  bounceMessage: true,
  bounceWord: true,
  bounceSubWord: true,
  bounceHost: true,
  bounceIsOver: true,
  failureReason: true,
  failureParty: true,
  failureIsFinal: true,
  failureOutcome: true,
  failureRule: true,
  failureEvidence: true,
  response: true,
  list: true,
  scheduledFor: true,
  human: true,
  foundBy: true,
  externalId: true,
  metadata: true,
} satisfies Prisma.EventSelect

export type StoredEvent = Prisma.EventGetPayload<{ select: typeof eventColumns }>

/**
 * The events of emails with these IDs, of any provider, in timeline order. Index: events_email_id_provider_idx.
 * @param type only those of this type.
 */
export const readEventsOf = (db: Database, emailIds: readonly string[], type?: string): Promise<StoredEvent[]> =>
  db.event.findMany({
    where: { emailId: { in: [...emailIds] }, ...(type !== undefined && { type }) },
    select: eventColumns,
    orderBy: [{ occurredAt: 'asc' }, { receivedAt: 'asc' }, { eventId: 'asc' }],
  })

/** Single events. Index: events_pkey. */
export const readEventsByKey = (db: Database, keys: readonly EventKey[]): Promise<StoredEvent[]> =>
  db.event.findMany({
    where: { OR: keys.map(({ provider, id }) => ({ provider, eventId: id })) },
    select: eventColumns,
  })

/** The escalations of emails with these IDs, oldest first. Index: escalations_email_id_provider_reason_key. */
export const readEscalationsOf = (db: Database, emailIds: readonly string[]): Promise<Escalation[]> =>
  db.escalation.findMany({
    where: { emailId: { in: [...emailIds] } },
    orderBy: [{ openedAt: 'asc' }, { id: 'asc' }],
  })
