/**
 * Finds addresses in the records of a CSV file, by its header. Known are the columns of this product's export, of spreadsheets, and of
 * the providers' lists:
 * - SendGrid, by its suppression APIs and exports: bounces and invalid emails `status,reason,email,created`, spam reports
 *   `ip,email,created`, unsubscribes `email,created`
 * - Postmark, by its suppressions API: `EmailAddress,SuppressionReason,Origin,CreatedAt`
 * - Mailgun, by its import API: bounces `address,code,error,created_at`, unsubscribes `address,tags,created_at`
 * - Amazon SES, by its suppression list: `EmailAddress,Reason,LastUpdateTime`; its bulk files have no header
 * - Resend, by its API: emails with `to` and `last_event`, contacts with `unsubscribed`
 */
import { normalizeAddress } from '../domain/address.ts'
import type { SuppressionReason } from '../domain/suppression.ts'
import {
  addressNames,
  type FileEntry,
  invalidAddress,
  plainName,
  readEntry,
  reasonIn,
  reasonNames,
} from './file-entries.ts'
import { unescapedCell } from './formula-cells.ts'

interface Columns {
  readonly address: number
  /** -1 for none. */
  readonly reason: number
  /** Of the header; null for a file without one. */
  readonly count: number | null
  /** What a reason means that says nothing by itself. */
  readonly otherwise: SuppressionReason
  /** Says for a record of a list that also holds people who may be written to why it is left out. */
  readonly leftOut: (cell: (index: number) => string) => string | null
}

/** Reads one record after the other; null for a header or a hint. */
export type ReadRecord = (record: readonly string[]) => FileEntry | null

export function createRecordReader(): ReadRecord {
  let columns: Columns | null = null
  let isFirst = true
  return (record) => {
    const cells = record.map((cell) => unescapedCell(cell.trim()))
    // A spreadsheet's hint at the delimiter.
    if (isFirst && /^sep=/i.test(cells[0] ?? '')) return null
    isFirst = false
    const header = columns === null ? columnsOf(cells) : null
    columns ??= header ?? columnsWithoutHeader(cells)
    if (header) return null
    return columns === null ? { mistake: withoutColumn(cells) } : entryIn(cells, columns)
  }
}

const withoutColumn = (cells: readonly string[]): string =>
  cells.filter(isAddress).length > 1 ? 'has several addresses: name the column of addresses `address`' : invalidAddress

const isAddress = (cell: string): boolean => normalizeAddress(cell) !== null

/** The columns, if this is a header: a record that names a column of addresses and holds no address. */
function columnsOf(cells: readonly string[]): Columns | null {
  const names = cells.map(plainName)
  const has = (...wanted: string[]) => wanted.every((name) => names.includes(name))
  const known = has('to', 'lastevent') ? ['to'] : addressNames
  const address = known.map((name) => names.indexOf(name)).find((index) => index >= 0)
  if (address === undefined || cells.some(isAddress)) return null
  return {
    address,
    reason: reasonNames.map((name) => names.indexOf(name)).find((index) => index >= 0) ?? -1,
    count: cells.length,
    otherwise: meaningOf(has),
    leftOut: leftOutBy(names),
  }
}

/** What a list is about whose records do not say it. */
function meaningOf(has: (...names: string[]) => boolean): SuppressionReason {
  if (has('email', 'reason', 'created') || has('address', 'code', 'error')) return 'hard_bounce'
  return has('ip', 'email', 'created') ? 'complaint' : 'manual'
}

/** The last events at Resend after which it sends nothing more to an address. */
const endingEvents: ReadonlySet<string> = new Set(['bounced', 'complained', 'suppressed'])

function leftOutBy(names: readonly string[]): Columns['leftOut'] {
  const [lastEvent, unsubscribed, tags] = ['lastevent', 'unsubscribed', 'tags'].map((name) => names.indexOf(name))
  return (cell) => {
    const [event, isGone, tag] = [lastEvent, unsubscribed, tags].map((index = -1) => (index < 0 ? null : cell(index)))
    if (event != null && !endingEvents.has(event.toLowerCase())) return 'neither bounced nor complained'
    if (isGone != null && !/^(true|yes|1)$/i.test(isGone)) return 'is not unsubscribed'
    if (tag != null && !/^["[]*(\*["\]]*)?$/.test(tag)) return 'is unsubscribed from a tag only'
    return null
  }
}

/** Of a first record that holds exactly one address. */
function columnsWithoutHeader(cells: readonly string[]): Columns | null {
  const [address, ...others] = cells.flatMap((cell, index) => (isAddress(cell) ? [index] : []))
  if (address === undefined || others.length > 0) return null
  return { address, reason: address + 1, count: null, otherwise: 'manual', leftOut: () => null }
}

function entryIn(cells: readonly string[], columns: Columns): FileEntry {
  if (mayBeShifted(cells, columns)) return { mistake: shiftedMessage(cells.length, columns.count ?? 0) }
  const cell = (index: number) => cells[index] ?? ''
  const skipped = columns.leftOut(cell)
  if (skipped !== null) return { skipped }
  return readEntry(cell(columns.address), reasonIn(cell(columns.reason), columns.otherwise))
}

/**
 * Whether the cell in the place of the address may belong to another column, since a cell before it is missing or was split. It does
 * not if it is the record's only address.
 */
function mayBeShifted(cells: readonly string[], { address, count }: Columns): boolean {
  if (count === null) return cells.filter(isAddress).length > 1 && address > 0
  const isRegular = cells.length === count || (cells.slice(count).every((cell) => cell === '') && cells.length > count)
  return !isRegular && address > 0 && cells.filter(isAddress).length !== 1
}

const shiftedMessage = (cells: number, expected: number): string =>
  `has ${cells} cells, the header ${expected}: put cells that contain the delimiter in quotes`
