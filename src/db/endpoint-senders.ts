/** Statements by which one sender at a time serves an endpoint. Index of all: endpoints_pkey. */
import type { Database } from './database.ts'

/** What a sender starts from. */
export interface EndpointToServe {
  readonly url: string | null
  readonly failures: number
  readonly firstFailedAt: Date | null
  readonly notBefore: Date | null
}

/** Makes `sender` the endpoint's only one. @returns null unless it is active. */
export async function takeOverEndpoint(db: Database, id: string, sender: string): Promise<EndpointToServe | null> {
  const [row] = await db.$queryRaw<EndpointToServe[]>`
    UPDATE endpoints SET sender = ${sender} WHERE id = ${id} AND state = 'active' AND deleted_at IS NULL
    RETURNING url, failures, first_failed_at AS "firstFailedAt", not_before AS "notBefore"`
  return row ?? null
}

/** @returns null unless the endpoint is active and still this sender's. */
export async function readServedEndpoint(db: Database, id: string, sender: string): Promise<EndpointToServe | null> {
  const [row] = await db.$queryRaw<EndpointToServe[]>`
    SELECT url, failures, first_failed_at AS "firstFailedAt", not_before AS "notBefore" FROM endpoints
    WHERE id = ${id} AND sender = ${sender} AND state = 'active' AND deleted_at IS NULL`
  return row ?? null
}
