/** Tables whose last commits can be undone, as by a failover to a replica that lags behind. */
import type { Escalation } from '../../src/domain/escalation.ts'
import type { EmailKey, ReceivedEvent } from '../../src/domain/events.ts'
import type { Snapshot } from '../../src/domain/lifecycle.ts'
import type { SuppressionReason } from '../../src/domain/suppression.ts'

export interface EventRow extends Omit<ReceivedEvent, 'quarantinedReason'> {
  /** As in the column: 0 critical, 1 normal, 2 bulk. */
  readonly rank: number
  readonly leaseUntil: number | null
  readonly attempts: number
  readonly appliedAt: number | null
  readonly quarantinedReason: string | null
}

export interface EmailRow extends EmailKey {
  readonly to: readonly string[]
  readonly recipientDomain: string | null
  readonly snapshot: Snapshot
  readonly revision: number
  /** The keys of its rows in email_recipients. */
  readonly recipientKeys: readonly string[]
}

export interface SuppressionRow {
  readonly address: string
  readonly reason: SuppressionReason
  readonly eventId: string | null
  readonly removedAt: number | null
}

export interface EscalationRow extends EmailKey {
  readonly escalation: Escalation
  /** When `notices` was last raised. */
  readonly noticedAt: number
}

/** The purpose of a commit. Some may be lost in a failover; others are on the replica before they are acknowledged. */
export type CommitKind = 'append' | 'claim' | 'apply' | 'escalate' | 'suppress' | 'notify'

interface Commit {
  readonly kind: CommitKind
  readonly undo: (() => void)[]
}

/** The most commits that a replica may lag behind. */
const rememberedCommits = 16

export class FakeTables {
  readonly events = new Map<string, EventRow>()
  readonly emails = new Map<string, EmailRow>()
  readonly escalations = new Map<string, EscalationRow>()
  /** By address and event, in the order of insertion. */
  readonly suppressions = new Map<string, SuppressionRow>()
  /** Keys of notices that a channel has accepted. */
  readonly notifications = new Map<string, true>()
  /** Called after every commit. */
  onCommit: (kind: CommitKind, emails: readonly EmailKey[]) => void = () => {}
  #log: Commit[] = []
  #undo: (() => void)[] | null = null

  /** One transaction. */
  commit<T>(kind: CommitKind, emails: readonly EmailKey[], change: () => T): T {
    const undo: (() => void)[] = []
    this.#undo = undo
    const value = change()
    this.#undo = null
    if (undo.length > 0) {
      this.#log.push({ kind, undo })
      if (this.#log.length > rememberedCommits) this.#log.shift()
      this.onCommit(kind, emails)
    }
    return value
  }

  set<T>(table: Map<string, T>, key: string, row: T): void {
    const before = table.get(key)
    this.#undo?.push(() => {
      if (before === undefined) table.delete(key)
      else table.set(key, before)
    })
    table.set(key, row)
  }

  /** Undoes the last commits, at most `count`, until one that is not of these kinds. @returns how many. */
  loseLast(count: number, kinds: ReadonlySet<CommitKind>): number {
    let lost = 0
    for (; lost < count; lost++) {
      const last = this.#log.at(-1)
      if (!last || !kinds.has(last.kind)) break
      this.#log.pop()
      for (const undo of last.undo.reverse()) undo()
    }
    return lost
  }
}

export const emailKeyText = ({ provider, emailId }: EmailKey): string => `${provider}\n${emailId}`
