/** Statements that judge stored bounces again. */
import { erasedAddress } from '../domain/address.ts'
import { failureRulesVersion } from '../domain/failure-rules.ts'
import { type BounceColumns, bounceIn, type JudgedBounce, judgeBounce } from '../domain/judge-bounce.ts'
import {
  type KnownSuppression,
  rejudgementAuthor,
  type StoredFailure,
  type SuppressionChange,
} from '../domain/rejudgement.ts'
import type { Database } from './database.ts'
import { epochMsOf, iso } from './epoch-ms.ts'
import { erasedKeyOf } from './erased-address.ts'
import type { EventPosition } from './events-read.ts'
import { Prisma } from './generated/client.ts'
import { bounceColumns, eventWithEmail, recipientOfEvent } from './recipients.ts'

type Transaction = Pick<Database, '$queryRaw' | '$executeRaw'>

/** A judgement as an event stores it. */
interface StoredJudgement {
  readonly failure_reason: string | null
  readonly failure_party: string | null
  readonly failure_is_final: boolean | null
  readonly failure_outcome: string | null
  readonly failure_rule: string | null
  readonly failure_evidence: string | null
  readonly failure_rules_version: number | null
}

/** A stored bounce, judged by the current rules. */
export interface RejudgedBounce {
  readonly position: EventPosition
  /** Null if it is unclear who bounced, or if the address was erased. */
  readonly address: string | null
  readonly judgement: JudgedBounce
  readonly stored: StoredJudgement
}

/** Events before this time have lost their addresses and texts by age. What is left of them would be judged wrongly. */
const isUnerased = Prisma.sql`events.received_at >=
  coalesce((SELECT through FROM retention_progress WHERE what = 'event_addresses'), '-infinity')`

type BounceRow = BounceColumns &
  StoredJudgement & {
    readonly provider: string
    readonly event_id: string
    readonly received_at: Date
    readonly address: string | null
  }

/**
 * The applied bounces after `after`, in the order of their receipt. Those whose text was erased after it had decided are left out.
 * Indexes: events_bounced, emails_pkey.
 * @param since epoch milliseconds: the earliest time of receipt.
 */
export async function readBounces(
  db: Transaction,
  since: number,
  after: EventPosition | null,
  limit: number,
): Promise<RejudgedBounce[]> {
  const { receivedAt, provider, id } = after ?? { receivedAt: iso(since), provider: '', id: '' }
  const rows = await db.$queryRaw<BounceRow[]>`
    SELECT events.provider, events.event_id, events.received_at, nullif(${recipientOfEvent}, ${erasedAddress}) AS address,
           ${bounceColumns('events')}, events.failure_reason, events.failure_party, events.failure_is_final,
           events.failure_outcome, events.failure_rule, events.failure_evidence, events.failure_rules_version
    FROM ${eventWithEmail}
    WHERE events.type = 'bounced' AND events.applied_at IS NOT NULL AND ${isUnerased}
      AND NOT (events.bounce_message IS NULL AND events.failure_evidence IS NOT NULL)
      AND events.received_at >= ${receivedAt}::timestamptz
      AND (events.received_at, events.provider, events.event_id) > (${receivedAt}::timestamptz, ${provider}, ${id})
    ORDER BY events.received_at, events.provider, events.event_id
    LIMIT ${limit}`
  return rows.map((row) => ({
    position: { receivedAt: row.received_at.toISOString(), provider: row.provider, id: row.event_id },
    address: row.address,
    judgement: judgeBounce(bounceIn(row)),
    stored: row,
  }))
}

/** Whether the stored judgement differs. One by an older version of the rules does. */
export const isOutdated = ({ judgement, stored }: RejudgedBounce): boolean =>
  stored.failure_reason !== judgement.reason ||
  stored.failure_party !== judgement.party ||
  stored.failure_is_final !== judgement.isFinal ||
  stored.failure_outcome !== judgement.outcome ||
  stored.failure_rule !== judgement.rule ||
  stored.failure_evidence !== judgement.evidence ||
  stored.failure_rules_version !== failureRulesVersion

/** Stores the new judgements. Index: events_pkey. */
export async function storeJudgements(db: Transaction, bounces: readonly RejudgedBounce[]): Promise<void> {
  if (bounces.length === 0) return
  const judgements = bounces.map(({ judgement }) => judgement)
  await db.$executeRaw`
    UPDATE events SET failure_reason = given.reason, failure_party = given.party, failure_is_final = given.is_final,
      failure_outcome = given.outcome, failure_rule = given.rule, failure_evidence = given.evidence,
      failure_rules_version = ${failureRulesVersion}
    FROM unnest(${bounces.map(({ position }) => position.provider)}::text[],
                ${bounces.map(({ position }) => position.id)}::text[],
                ${bounces.map(({ position }) => position.receivedAt)}::timestamptz[],
                ${judgements.map(({ reason }) => reason)}::text[], ${judgements.map(({ party }) => party)}::text[],
                ${judgements.map(({ isFinal }) => isFinal)}::bool[], ${judgements.map(({ outcome }) => outcome)}::text[],
                ${judgements.map(({ rule }) => rule)}::text[], ${judgements.map(({ evidence }) => evidence)}::text[])
      AS given(provider, event_id, received_at, reason, party, is_final, outcome, rule, evidence)
    WHERE events.provider = given.provider AND events.event_id = given.event_id AND events.received_at = given.received_at`
}

/** How many failures of one recipient are read: an address for tests may have bounced a million times. */
const failureLimit = 1_000

type FailureRow = BounceColumns & {
  readonly address: string
  readonly provider: string
  readonly event_id: string
  readonly email_id: string
  readonly type: string
  readonly occurred_at: Date
  readonly received_at: Date
  readonly is_named: boolean
}

/**
 * The applied bounces and complaints about each address, the oldest first: the last {@link failureLimit} of those that name it, or
 * that name nobody and are about an email with this recipient alone.
 * Indexes: events_recipient, email_recipients_address_created_at_idx, emails_pkey, events_email_id_provider_idx.
 */
export async function readFailures(
  db: Transaction,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, StoredFailure[]>> {
  const columns = Prisma.sql`events.provider, events.event_id, events.email_id, events.type, events.occurred_at, events.received_at,
    ${bounceColumns('events')}`
  const isFailure = Prisma.sql`events.type IN ('bounced', 'complained') AND events.applied_at IS NOT NULL AND ${isUnerased}`
  const rows = await db.$queryRaw<FailureRow[]>`
    SELECT given.address, failure.* FROM unnest(${[...addresses]}::text[]) AS given(address)
    CROSS JOIN LATERAL (
      SELECT ${columns}, true AS is_named FROM events WHERE events.recipient = given.address AND ${isFailure}
      UNION ALL
      SELECT ${columns}, false FROM email_recipients
      JOIN emails ON emails.id = email_recipients.email_id AND emails.provider = email_recipients.provider
        AND cardinality(emails.recipients) = 1 AND (emails.bounced_at IS NOT NULL OR emails.complained_at IS NOT NULL)
      JOIN events ON events.email_id = emails.id AND events.provider = emails.provider AND events.recipient IS NULL
        AND ${isFailure}
      WHERE email_recipients.address = given.address
      ORDER BY received_at DESC, provider DESC, event_id DESC LIMIT ${failureLimit}
    ) AS failure
    ORDER BY failure.received_at, failure.provider, failure.event_id`
  const failures = new Map<string, StoredFailure[]>(addresses.map((address) => [address, []]))
  for (const row of rows) failures.get(row.address)?.push(failureIn(row))
  return failures
}

function failureIn(row: FailureRow): StoredFailure {
  const isBounce = row.type === 'bounced'
  const bounce = isBounce ? bounceIn(row) : null
  return {
    provider: row.provider,
    eventId: row.event_id,
    emailId: row.email_id,
    occurredAt: row.occurred_at.getTime(),
    receivedAt: row.received_at.getTime(),
    isNamed: row.is_named,
    bounce,
    judgement: isBounce ? judgeBounce(bounce) : null,
  }
}

/** With the project whose list it is in. */
type ListedSuppression = KnownSuppression & { readonly list: string }

/** All entries of suppression lists about each address, locked until the transaction ends. Index: suppressions_address_idx. */
export async function lockSuppressions(
  db: Transaction,
  erasure: Pick<Database, 'erasureKey'>,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, ListedSuppression[]>> {
  const addressOf = new Map(addresses.map((address) => [address, address]))
  for (const address of addresses) {
    const erased = erasedKeyOf(erasure, address)
    if (erased !== null) addressOf.set(erased, address)
  }
  const rows = await db.$queryRaw<SuppressionRow[]>`
    SELECT id, project, address, reason, provider, event_id, removed_at, removed_by FROM suppressions
    WHERE address = ANY(${[...addressOf.keys()]}) ORDER BY address, id FOR UPDATE`
  const found = new Map<string, ListedSuppression[]>(addresses.map((address) => [address, []]))
  for (const {
    id,
    project: list,
    address,
    reason,
    provider,
    event_id: eventId,
    removed_at: removedAt,
    removed_by: removedBy,
  } of rows) {
    const entry = { id: String(id), list, reason, provider, eventId, removedAt: epochMsOf(removedAt), removedBy }
    found.get(addressOf.get(address) ?? address)?.push(entry)
  }
  return found
}

interface SuppressionRow {
  readonly id: bigint
  readonly project: string
  readonly address: string
  readonly reason: string
  readonly provider: string | null
  readonly event_id: string | null
  readonly removed_at: Date | null
  readonly removed_by: string | null
}

/** Makes a change to the suppression of `address` in the list of a project; the ended entry stays as history. Index: suppressions_pkey. */
export async function changeSuppression(
  db: Transaction,
  { list, address }: { readonly list: string; readonly address: string },
  { ends, starts, cause }: SuppressionChange,
): Promise<void> {
  const by = cause.judgement === null ? 'a complaint' : `rule ${cause.judgement.rule}`
  const note = `${by}, version ${failureRulesVersion} of the rules`
  if (ends) {
    await db.$executeRaw`
      UPDATE suppressions SET removed_at = now(), removed_by = ${rejudgementAuthor}, removal_note = ${note}
      WHERE id = ${ends.id}::bigint AND removed_at IS NULL`
  }
  if (starts) {
    const { provider, emailId, eventId } = starts.failure
    await db.$executeRaw`
      INSERT INTO suppressions (project, address, reason, provider, email_id, event_id, added_by, note)
      VALUES (${list}, ${address}, ${starts.reason}, ${provider}, ${emailId}, ${eventId}, ${rejudgementAuthor}, ${note})
      ON CONFLICT DO NOTHING`
  }
}
