/** The events that a claim selects: as `claimStatement` in `src/db/event-claims.ts`. */
import { type ClaimLimits, leaseMs } from '../../src/db/event-claims.ts'
import { type EventRow, emailKeyText } from './fake-tables.ts'

/** Longer than any lease. */
const impossibleLeaseMs = 40 * leaseMs

interface Room {
  readonly emails: number
  readonly again: number
}

interface Selection {
  readonly rows: readonly EventRow[]
  /** Claimed and not applied yet. */
  readonly inFlight: number
  readonly hasMore: boolean
}

/** @param pending events that are neither applied nor quarantined. */
export function selectFrom(
  pending: readonly EventRow[],
  { window, emails: limit }: ClaimLimits,
  { now, findsOverdue }: { readonly now: number; readonly findsOverdue: boolean },
): Selection {
  const leased = pending.filter((row) => row.leaseUntil !== null).sort((a, b) => leaseOf(a) - leaseOf(b))
  const inFlight = leased.filter((row) => leaseOf(row) > now)
  const first = inFlight.filter(({ attempts }) => attempts <= 1).length
  const again = inFlight.length - first
  const overdue = leased.length - inFlight.length
  const stuck = Math.min(again + overdue, Math.floor((window * 3) / 4))
  const room: Room = {
    emails: Math.max(0, Math.min(limit, window - first - stuck)),
    again: findsOverdue ? Math.max(0, Math.min(limit, Math.floor(window / 8) - again)) : 0,
  }
  const stranded = leased.filter((row) => leaseOf(row) > now + impossibleLeaseMs).slice(0, limit)
  const unclaimed = selectUnclaimed(pending, room)
  const seeds = [...leased.filter((row) => leaseOf(row) <= now).slice(0, room.again), ...stranded, ...unclaimed.rows]
  const named = new Set(seeds.map(emailKeyText))
  const company = pending.filter((row) => named.has(emailKeyText(row)) && leaseOf(row) < now)
  const rows = [...new Set([...seeds, ...company])].sort((a, b) => a.receivedAt - b.receivedAt)
  return { rows, inFlight: inFlight.length, hasMore: room.emails > 0 && unclaimed.isFull }
}

/** Unclaimed events, the most urgent first, half of them the oldest and half the newest. */
function selectUnclaimed(pending: readonly EventRow[], { emails }: Room): { rows: EventRow[]; isFull: boolean } {
  const unclaimed = pending.filter(({ leaseUntil }) => leaseUntil === null)
  const from = (direction: 1 | -1) =>
    [...unclaimed].sort((a, b) => a.rank - b.rank || direction * (a.receivedAt - b.receivedAt))
  const half = Math.floor((emails + 1) / 2)
  const oldest = from(1).slice(0, half)
  return { rows: [...oldest, ...from(-1).slice(0, Math.floor(emails / 2))], isFull: oldest.length >= half }
}

const leaseOf = ({ leaseUntil }: EventRow): number => leaseUntil ?? Number.NEGATIVE_INFINITY
