/** The suppression list as a file. */
import { stringify } from 'csv-stringify/sync'
import { isErasedKey } from '../db/erased-address.ts'
import type { Suppression } from '../db/generated/client.ts'
import type { SuppressionPosition } from '../db/suppressions.ts'
import { escapedCell } from './formula-cells.ts'

const header = ['address', 'reason', 'since', 'provider', 'email_id', 'event_id']

/** Suppressions after a place in the list, at most `pageSize`. */
export type ReadPage = (after: SuppressionPosition | null) => Promise<Suppression[]>

/**
 * The list as CSV, newest first, a page at a time: as fast as it is read, and no further once nobody reads.
 * @param first the first page, read before anything was answered, so that a failure is still told as one.
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
