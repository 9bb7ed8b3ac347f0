/** What is exported: the events of an hour, and the emails of an hour. */
import type { Database } from '../db/database.ts'
import {
  type ExportedEmailRow,
  type ExportedEventRow,
  type ExportedRecipientRow,
  readEmailsOf,
  readEventsOf,
} from '../db/export-rows.ts'
import { readRecipientKeys } from '../db/recipient-keys.ts'
import { projectOf } from '../domain/project.ts'
import type { AddressHash } from './address-hash.ts'
import { type Column, emailColumns, eventColumns, type Row } from './columns.ts'

export const datasetNames = ['events', 'emails'] as const
export type DatasetName = (typeof datasetNames)[number]

export interface Dataset {
  readonly name: DatasetName
  readonly columns: readonly Column[]
  /** The rows of the hour that begins at `hour`, in an order that does not change, in pages of {@link pageRows} rows. */
  read(hour: Date): AsyncIterable<Row[]>
}

export interface DatasetOptions {
  readonly db: Database
  readonly hashOf: AddressHash
  /** Whether addresses are exported beside their hashes. */
  readonly withAddresses: boolean
}

/** Rows of a page: about 10 MB while it is written, and a second of PostgreSQL's time. */
export const pageRows = 5_000

export const createDatasets = (options: DatasetOptions): Readonly<Record<DatasetName, Dataset>> => ({
  events: { name: 'events', columns: eventColumns, read: (hour) => eventsOf(options, hour) },
  emails: {
    name: 'emails',
    columns: emailColumns(options.withAddresses),
    read: (hour) => emailsOf(options, hour),
  },
})

async function* eventsOf({ db }: DatasetOptions, hour: Date): AsyncGenerator<Row[]> {
  const keysOf = await readRecipientKeys(db)
  for await (const page of readEventsOf(db, hour, pageRows)) {
    yield page.map((row) => eventOf(row, keysOf({ ...row, emailId: row.email_id }).recipient))
  }
}

/** An open or click is human unless it was judged to be a machine's. */
const eventOf = (row: ExportedEventRow, recipientKey: string | null): Row => ({
  ...row,
  project: projectOf(row.provider),
  recipient_key: recipientKey,
  human: row['type'] === 'opened' || row['type'] === 'clicked' ? row['human'] && row['machine_reason'] === null : null,
})

async function* emailsOf({ db, ...options }: DatasetOptions, hour: Date): AsyncGenerator<Row[]> {
  for await (const page of readEmailsOf(db, hour, pageRows)) {
    yield page.map((row) => ({
      ...row,
      email_id: row.id,
      project: projectOf(row.provider),
      recipients: row.recipients.map((recipient) => recipientOf(row, recipient, options)),
    }))
  }
}

/** Of an only recipient, all is known that is known of the email; of one of several, only what names it. */
function recipientOf(
  email: ExportedEmailRow,
  recipient: ExportedRecipientRow,
  { hashOf, withAddresses }: Omit<DatasetOptions, 'db'>,
): Row {
  const { address, domain, mailbox_provider, key } = recipient
  const known = email.recipients.length === 1 ? email : recipient.is_known_alone ? recipient : {}
  const factOf = (name: string) => (known as Row)[name] ?? null
  const timeOf = (name: string) => {
    const time = factOf(name)
    return time === null ? null : new Date(time as string | Date)
  }
  return {
    recipient_key: key,
    address_hash: address === null ? null : hashOf(address),
    ...(withAddresses && { address }),
    domain,
    mailbox_provider,
    status: factOf('status'),
    delivery: factOf('delivery'),
    delivered_at: timeOf('delivered_at'),
    bounced_at: timeOf('bounced_at'),
    complained_at: timeOf('complained_at'),
    failure_reason: factOf('failure_reason'),
    failure_party: factOf('failure_party'),
    opens_total: factOf('opens_total'),
    clicks_total: factOf('clicks_total'),
  }
}
