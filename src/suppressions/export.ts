/** The suppression list as rows of a CSV file. */
import { isErasedKey } from '../db/erased-address.ts'
import type { Suppression } from '../db/generated/client.ts'

export const exportHeader = ['address', 'reason', 'since', 'provider', 'email_id', 'event_id']

/** Null for an erased person, whose address is not known. */
export const exportCellsOf = (row: Suppression): string[] | null =>
  isErasedKey(row.address)
    ? null
    : [row.address, row.reason, row.createdAt.toISOString(), row.provider ?? '', row.emailId ?? '', row.eventId ?? '']
