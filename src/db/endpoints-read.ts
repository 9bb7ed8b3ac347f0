/** Statements that show endpoints: backlogs and attempts. */
import { cappedCount } from './capped-count.ts'
import type { Database } from './database.ts'
import { type Delivery, type DeliveryAttempt, type Endpoint, Prisma } from './generated/client.ts'

/** With how many deliveries wait for it, counted up to `countCap`. */
export interface EndpointWithBacklog extends Endpoint {
  readonly pending: number
}

/** Index: deliveries_pending. */
export async function withBacklogs(db: Database, endpoints: readonly Endpoint[]): Promise<EndpointWithBacklog[]> {
  const waiting = cappedCount(
    Prisma.sql`FROM deliveries WHERE endpoint_id = given.id AND state = 'pending' ORDER BY endpoint_id, id`,
  )
  const counts = await db.$queryRaw<{ id: string; pending: number }[]>`
    SELECT given.id, ${waiting} AS pending FROM unnest(${endpoints.map(({ id }) => id)}::text[]) AS given(id)`
  const pendingOf = new Map(counts.map(({ id, pending }) => [id, pending]))
  return endpoints.map((endpoint) => ({ ...endpoint, pending: pendingOf.get(endpoint.id) ?? 0 }))
}

export const attemptOutcomes = ['succeeded', 'failed'] as const
type AttemptOutcome = (typeof attemptOutcomes)[number]

export interface AttemptOfDelivery extends DeliveryAttempt {
  readonly outcome: AttemptOutcome
  /** Null once it was deleted. */
  readonly delivery: Delivery | null
}

const accepted: Prisma.DeliveryAttemptWhereInput = { status: { gte: 200, lt: 300 } }
const conditions = {
  succeeded: accepted,
  failed: { OR: [{ status: null }, { NOT: accepted }] },
} satisfies Record<AttemptOutcome, Prisma.DeliveryAttemptWhereInput>

export interface AttemptSearch {
  readonly endpointId: string
  readonly outcome?: AttemptOutcome | undefined
  readonly before: { readonly id: string } | null
  readonly limit: number
}

/** Newest first. Indexes: delivery_attempts_endpoint_id_id_idx, deliveries_pkey. */
export async function listAttempts(
  db: Database,
  { endpointId, outcome, before, limit }: AttemptSearch,
): Promise<AttemptOfDelivery[]> {
  const attempts = await db.deliveryAttempt.findMany({
    where: { endpointId, ...(before && { id: { lt: BigInt(before.id) } }), ...(outcome && conditions[outcome]) },
    orderBy: { id: 'desc' },
    take: limit,
  })
  const deliveries = await db.delivery.findMany({ where: { id: { in: attempts.map(({ deliveryId }) => deliveryId) } } })
  const byId = new Map(deliveries.map((delivery) => [delivery.id, delivery]))
  return attempts.map((attempt) => ({
    ...attempt,
    outcome: isAccepted(attempt.status) ? 'succeeded' : 'failed',
    delivery: byId.get(attempt.deliveryId) ?? null,
  }))
}

const isAccepted = (status: number | null): boolean => status !== null && status >= 200 && status < 300
