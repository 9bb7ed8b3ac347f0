/**
 * The statements of `src/db` on tables in memory, each atomic. `fake-database.test.ts` compares every one of them with the real
 * statement. Erasure is not modelled.
 */

import { attemptLimit, type Claim, type ClaimLimits, leaseMs, type RelayedEvent } from '../../src/db/event-claims.ts'
import { type StoredEventKey, textOfKey } from '../../src/db/event-key.ts'
import type { SnapshotSave } from '../../src/db/snapshots.ts'
import { domainOf } from '../../src/domain/address.ts'
import { noFacts } from '../../src/domain/delivery-facts.ts'
import {
  type EmailKey,
  isEngagement,
  type LifecycleEvent,
  type Priority,
  priorities,
  type ReceivedEvent,
} from '../../src/domain/events.ts'
import { suppressesRecipient } from '../../src/domain/judge-bounce.ts'
import { emptySnapshot, foldEvents, isSettled, noRecipient, type Snapshot } from '../../src/domain/lifecycle.ts'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import type { EventSuppressionReason, SuppressionOutcome } from '../../src/domain/suppression.ts'
import type { Inserted } from '../../src/inbox/event-store.ts'
import { selectFrom } from './fake-claims.ts'
import { type EmailRow, type EventRow, emailKeyText, FakeTables } from './fake-tables.ts'

/** As the function `recipient_key` of the database. */
type RecipientKeyOf = (email: EmailKey, address: string) => string

const emptied = { attempts: 0, leaseUntil: null, appliedAt: null }

export class FakeDatabase {
  readonly tables = new FakeTables()
  /** Whether a write of an escalation is refused if the stored version is newer. */
  comparesVersions = true
  /** Whether a claim finds events whose lease has ended. */
  findsOverdue = true
  /** The step of a revision when engagements are applied. It varies, so that no revision is used twice after a failover. */
  revisionStep = (): number => 1_000 + (this.#steps++ % 1_000)
  #steps = 0
  readonly now: () => number
  readonly #keyOf: RecipientKeyOf

  /**
   * @param now the server's clock.
   * @param keyOf the key of a recipient. Default: the address itself.
   */
  constructor(now: () => number, keyOf: RecipientKeyOf = (_, address) => address) {
    this.now = now
    this.#keyOf = keyOf
  }

  /** A stored event in the form that workflows receive. */
  eventOf(row: Omit<ReceivedEvent, 'quarantinedReason'>): LifecycleEvent {
    const [only, another] = row.to
    const about = row.recipient ?? (another === undefined ? (only ?? null) : null)
    const keyOf = (address: string) => this.#keyOf(row, address)
    const isSentToOthers = row.to.length > 1 || (row.recipient !== null && only !== undefined && only !== row.recipient)
    return lifecycleEventOf(row, {
      recipient: about === null ? null : keyOf(about),
      to: isSentToOthers ? row.to.map(keyOf) : null,
    })
  }

  insert(given: readonly ReceivedEvent[], isClaimed: (event: ReceivedEvent) => boolean): Inserted {
    return this.tables.commit('append', given, () => {
      const fresh = given.filter((event) => !this.tables.events.has(textOfKey(event)))
      const rows = new Map(fresh.map((event) => [textOfKey(event), this.#newRow(event, isClaimed(event))]))
      for (const [key, row] of rows) this.tables.set(this.tables.events, key, row)
      return {
        stored: [...rows.values()].map(({ provider, id }) => ({ provider, id })),
        claimed: [...rows.values()].filter(({ leaseUntil }) => leaseUntil !== null).map((row) => this.#relayed(row)),
      }
    })
  }

  #newRow({ quarantinedReason = undefined, ...event }: ReceivedEvent, isClaimed: boolean): EventRow {
    const email = this.tables.emails.get(emailKeyText(event))
    const claim = isClaimed ? { attempts: 1, leaseUntil: this.now() + leaseMs } : {}
    const rank = email ? priorities.indexOf(email.snapshot.priority) : 1
    return { ...event, ...emptied, ...claim, rank, quarantinedReason: quarantinedReason ?? null }
  }

  #relayed(row: EventRow): RelayedEvent {
    const email = this.tables.emails.get(emailKeyText(row))
    const address = row.recipient ?? row.to[0]
    return {
      email: { provider: row.provider, emailId: row.emailId },
      event: this.eventOf(row),
      priority: priorities[row.rank] ?? 'normal',
      recipientDomain: email?.recipientDomain ?? (address === undefined ? null : domainOf(address)),
      account: null,
    }
  }

  /** The row that a registration writes beside its event. */
  register(
    event: ReceivedEvent,
    priority: Priority | null,
    isClaimed: boolean,
  ): Pick<RelayedEvent, 'priority' | 'recipientDomain'> {
    return this.tables.commit('append', [event], () => {
      const { events, emails } = this.tables
      const before = emails.get(emailKeyText(event))
      const known = before?.snapshot ?? emptySnapshot
      const snapshot: Snapshot = {
        ...known,
        registeredAt: known.registeredAt ?? event.occurredAt,
        registeredAsSent: true,
        ...laterNamed(known, priority, event.occurredAt),
        firstReceivedAt: before ? known.firstReceivedAt : event.occurredAt,
      }
      const to = event.to
      const { provider, emailId } = event
      const recipientDomain = domainOf(to[0] ?? '')
      this.tables.set(emails, emailKeyText(event), {
        provider,
        emailId,
        revision: 0,
        ...before,
        to,
        recipientDomain,
        snapshot,
        recipientKeys: this.#keysWith(before, event, to),
      })
      const row = { ...this.#newRow(event, isClaimed), rank: priorities.indexOf(priority ?? 'normal') }
      this.tables.set(events, textOfKey(event), row)
      return { priority: snapshot.priority, recipientDomain }
    })
  }

  claim(limits: ClaimLimits): Claim {
    const now = this.now()
    const pending = [...this.tables.events.values()].filter(isPending)
    const { rows, inFlight, hasMore } = selectFrom(pending, limits, { now, findsOverdue: this.findsOverdue })
    this.tables.commit('claim', [], () => {
      for (const row of rows) {
        const leaseUntil = now + leaseMs * 2 ** Math.min(row.attempts, 5)
        this.#change(row, { attempts: row.attempts + 1, leaseUntil })
      }
    })
    return { events: rows.map((row) => this.#relayed(row)), inFlight: inFlight + rows.length, hasMore }
  }

  release = (keys: readonly StoredEventKey[]): void =>
    this.#changePending(keys, ({ attempts }) => ({ leaseUntil: null, attempts: Math.max(0, attempts - 1) }))

  defer = (keys: readonly StoredEventKey[], ms: number): void =>
    this.#changePending(keys, () => ({ leaseUntil: this.now() + ms }))

  reject(keys: readonly StoredEventKey[], reason: string): void {
    this.#changePending(keys, ({ attempts }) => ({
      leaseUntil: this.now() + Math.min(2 ** attempts, 600) * 1_000,
      quarantinedReason: attempts >= attemptLimit ? reason : null,
    }))
  }

  /** Counts opens and clicks of settled emails and marks them applied. */
  applyEngagements(keys: readonly StoredEventKey[]): StoredEventKey[] {
    const rows = this.#pendingOf(keys).filter((row) => {
      const email = this.tables.emails.get(emailKeyText(row))
      if (!isEngagement(row) || email === undefined || !isSettled(email.snapshot)) return false
      const { recipient: key = noRecipient, to } = this.eventOf(row)
      const named = email.recipientKeys.filter((known) => known !== noRecipient)
      return to === undefined && email.recipientKeys.includes(key) && named.length <= 1
    })
    this.tables.commit('apply', rows, () => {
      for (const emailText of new Set(rows.map(emailKeyText))) {
        const email = this.tables.emails.get(emailText)
        if (!email) continue
        const theirs = rows.filter((row) => emailKeyText(row) === emailText).map((event) => this.eventOf(event))
        const snapshot = foldEvents(email.snapshot, theirs)
        this.tables.set(this.tables.emails, emailText, {
          ...email,
          snapshot,
          revision: email.revision + this.revisionStep(),
        })
      }
      for (const row of rows) this.#change(row, { appliedAt: this.now() })
    })
    return rows.map(({ provider, id, receivedAt }) => ({ provider, id, receivedAt }))
  }

  /** @returns whether it was stored: all events must be pending, and the revision must be the expected one. */
  saveSnapshot({ provider, emailId, snapshot, expectedRevision, eventIds }: SnapshotSave): boolean {
    const email = { provider, emailId }
    const before = this.tables.emails.get(emailKeyText(email))
    const rows = [...new Set(eventIds)]
      .map((id) => this.tables.events.get(textOfKey({ provider, id })))
      .filter((row): row is EventRow => row !== undefined && row.appliedAt === null)
    // A row that is missing was lost in a failover: the save does not create it.
    if (rows.length !== eventIds.length || (before ? before.revision : 0) !== expectedRevision) return false
    return this.tables.commit('apply', [email], () => {
      const to = before && before.to.length > 0 ? before.to : toOf(rows)
      const first = toOf(rows)[0]
      const recipientDomain = before?.recipientDomain ?? (first === undefined ? null : domainOf(first))
      const row = {
        ...email,
        to,
        recipientDomain,
        snapshot: merged(before?.snapshot, snapshot),
        revision: expectedRevision + 1,
        recipientKeys: this.#keysWith(before, email, to, Object.keys(snapshot.recipients ?? {})),
      }
      this.tables.set(this.tables.emails, emailKeyText(email), row)
      for (const event of rows) this.#change(event, { appliedAt: this.now(), quarantinedReason: null })
      return true
    })
  }

  quarantine(provider: string, eventIds: readonly string[], quarantinedReason: string): void {
    const keys = eventIds.map((id) => ({ provider, id, receivedAt: 0 }))
    this.#changePending(keys, () => ({ quarantinedReason, attempts: attemptLimit }))
  }

  readUnappliedIds = (provider: string, ids: readonly string[]): string[] =>
    ids.filter((id) => this.tables.events.get(textOfKey({ provider, id }))?.appliedAt === null)

  readEmail(email: EmailKey): { snapshot: Snapshot; revision: number } {
    const row = this.tables.emails.get(emailKeyText(email))
    if (!row || row.revision === 0) return { snapshot: emptySnapshot, revision: 0 }
    return { snapshot: storedSnapshotOf(row), revision: row.revision }
  }

  #keysWith(before: EmailRow | undefined, email: EmailKey, to: readonly string[], saved: readonly string[] = []) {
    return [...new Set([...(before?.recipientKeys ?? []), ...to.map((one) => this.#keyOf(email, one)), ...saved])]
  }

  /** The recipient of an event: the named one, or the email's only one. */
  recipientOf(row: EventRow): string | null {
    const to = this.tables.emails.get(emailKeyText(row))?.to ?? []
    return row.recipient ?? (to.length === 1 ? (to[0] ?? null) : null)
  }

  suppressEventRecipient(provider: string, eventId: string, reason: EventSuppressionReason): SuppressionOutcome {
    const event = this.tables.events.get(textOfKey({ provider, id: eventId }))
    if (!event) return 'already_suppressed'
    if (event.type === 'bounced' && !suppressesRecipient(event.bounce)) return 'not_held_against_recipient'
    const address = this.recipientOf(event)
    if (event.appliedAt !== null) return 'already_suppressed'
    if (address === null) return 'recipient_unclear'
    const { suppressions } = this.tables
    const key = `${address}\n${eventId}`
    const isActive = [...suppressions.values()].some((row) => row.address === address && row.removedAt === null)
    if (isActive || suppressions.has(key)) return 'already_suppressed'
    this.tables.commit('suppress', [], () =>
      this.tables.set(suppressions, key, { address, reason, eventId, removedAt: null }),
    )
    return 'suppressed'
  }

  #pendingOf = (keys: readonly { readonly provider: string; readonly id: string }[]): EventRow[] =>
    [...new Set(keys.map(textOfKey))]
      .map((key) => this.tables.events.get(key))
      .filter((row): row is EventRow => row !== undefined && isPending(row))

  #changePending(keys: readonly StoredEventKey[], change: (row: EventRow) => Partial<EventRow>): void {
    this.tables.commit('claim', [], () => {
      for (const row of this.#pendingOf(keys)) this.#change(row, change(row))
    })
  }

  #change(row: EventRow, change: Partial<EventRow>): void {
    const key = textOfKey(row)
    this.tables.set(this.tables.events, key, { ...(this.tables.events.get(key) ?? row), ...change })
  }
}

/** The snapshot as it is read: recipients that no event names have a row too. */
export function storedSnapshotOf({ snapshot, recipientKeys }: EmailRow): Snapshot {
  const saved = snapshot.recipients ?? {}
  const hasFacts = Object.values(saved).some(({ firstReceivedAt }) => firstReceivedAt !== null)
  const { recipients: _, ...ofEmail } = snapshot
  if (recipientKeys.length === 0 || (!hasFacts && snapshot.firstReceivedAt !== null)) return ofEmail
  const rows = recipientKeys.map((key) => [key, saved[key] ?? noFacts])
  return { ...ofEmail, recipients: Object.fromEntries(rows) }
}

const isPending = ({ appliedAt, quarantinedReason }: EventRow): boolean =>
  appliedAt === null && quarantinedReason === null

/** From the first event, by ID, that has it. */
const toOf = (rows: readonly EventRow[]): readonly string[] =>
  [...rows].sort((a, b) => (a.id < b.id ? -1 : 1)).find(({ to }) => to.length > 0)?.to ?? []

function laterNamed(known: Snapshot, priority: Priority | null, at: number): Partial<Snapshot> {
  const before = known.priorityNamedAt ?? Number.NEGATIVE_INFINITY
  const isMoreUrgent = priority !== null && priorities.indexOf(priority) < priorities.indexOf(known.priority)
  return priority !== null && (at > before || (at === before && isMoreUrgent)) ? { priority, priorityNamedAt: at } : {}
}

/** A registration that the workflow has not received yet is kept when it saves an older snapshot. */
function merged(before: Snapshot | undefined, saved: Snapshot): Snapshot {
  if (!before) return saved
  const isNewer = (before.priorityNamedAt ?? -1) > (saved.priorityNamedAt ?? -1) && before.priorityNamedAt !== null
  const named = [before.priorityNamedAt, saved.priorityNamedAt].filter((at) => at !== null)
  const registered = [before.registeredAt, saved.registeredAt].filter((at) => at !== null)
  return {
    ...saved,
    priority: isNewer ? before.priority : saved.priority,
    priorityNamedAt: named.length === 0 ? null : Math.max(...named),
    registeredAt: registered.length === 0 ? null : Math.min(...registered),
    registeredAsSent: before.registeredAsSent || saved.registeredAsSent,
  }
}
