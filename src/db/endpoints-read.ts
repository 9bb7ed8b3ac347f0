/** Statements that show endpoints: backlogs and attempts. */
import type { Database } from './database.ts'
import { readEndpointBacklog } from './endpoints.ts'
import { type Delivery, type DeliveryAttempt, type Endpoint, Prisma } from './generated/client.ts'

/** With how many deliveries wait for it, counted up to 100,000. */
export interface EndpointWithBacklog extends Endpoint {
  readonly pending: number
}

export const withBacklogs = (db: Database, endpoints: readonly Endpoint[]): Promise<EndpointWithBacklog[]> =>
  Promise.all(
    endpoints.map(async (endpoint) => ({ ...endpoint, pending: (await readEndpointBacklog(db, endpoint.id)).pending })),
  )

export const attemptOutcomes = ['succeeded', 'failed'] as const
type AttemptOutcome = (typeof attemptOutcomes)[number]

export interface AttemptOfDelivery extends DeliveryAttempt {
  readonly outcome: AttemptOutcome
  /** Null once it was deleted. */
  readonly delivery: Delivery | null
}

/** The second is the condition of delivery_attempts_failed: without it, failures would be searched among all that succeeded. */
const conditions: Readonly<Record<AttemptOutcome, Prisma.Sql>> = {
  succeeded: Prisma.sql`AND status BETWEEN 200 AND 299`,
  failed: Prisma.sql`AND (status BETWEEN 200 AND 299) IS NOT TRUE`,
}

export interface AttemptSearch {
  readonly endpointId: string
  readonly outcome?: AttemptOutcome | undefined
  readonly before: { readonly id: string } | null
  readonly limit: number
}

/** Newest first. Indexes: delivery_attempts_endpoint_id_id_idx, delivery_attempts_failed, delivery_attempts_pkey, deliveries_pkey. */
export async function listAttempts(
  db: Database,
  { endpointId, outcome, before, limit }: AttemptSearch,
): Promise<AttemptOfDelivery[]> {
  const found = await db.$queryRaw<{ id: bigint }[]>`
    SELECT id FROM delivery_attempts WHERE endpoint_id = ${endpointId} ${outcome ? conditions[outcome] : Prisma.empty}
      ${before ? Prisma.sql`AND id < ${BigInt(before.id)}` : Prisma.empty}
    ORDER BY endpoint_id, id DESC LIMIT ${limit}`
  const attempts = await db.deliveryAttempt.findMany({
    where: { id: { in: found.map(({ id }) => id) } },
    orderBy: { id: 'desc' },
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
