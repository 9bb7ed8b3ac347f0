/** The suppression list as CSV. */
import { stringify } from 'csv-stringify/sync'
import { isErasedKey } from '../db/erased-address.ts'
import type { Suppression } from '../db/generated/client.ts'
import type { SuppressionPosition } from '../db/suppressions.ts'
import { escapedCell } from './formula-cells.ts'

const header = ['address', 'reason', 'since', 'provider', 'email_id', 'event_id']

/** Reads a page of suppressions after a position. */
export type ReadPage = (after: SuppressionPosition | null) => Promise<Suppression[]>

/**
 * The list as CSV, newest first. Reads a page only when the consumer needs it.
 * @param first the first page, read before the answer starts, so that an error can still be answered.
 */
export async function* csvOf(first: readonly Suppression[], readPage: ReadPage): AsyncGenerator<string> {
  yield stringify([header])
  for (let page = first; page.length > 0; ) {
    yield stringify(page.filter(({ address }) => !isErasedKey(address)).map(rowOf))
    const last = page.at(-1)
    page = last ? await readPage({ createdAt: last.createdAt.toISOString(), id: String(last.id) }) : []
  }
}

const rowOf = ({ address, reason, createdAt, provider, emailId, eventId }: Suppression): string[] =>
  [address, reason, createdAt.toISOString(), provider ?? '', emailId ?? '', eventId ?? ''].map(escapedCell)
