/** The columns of exported files: their names and types, in Parquet, in JSON, and in docs/data-export.md. */

/** Raised when a column is renamed, removed or means something else. A new column raises nothing. */
export const schemaVersion = 1

/** `time` is UTC, in milliseconds. Every value may be missing, but those of lists. */
export type ColumnType = 'text' | 'time' | 'integer' | 'boolean' | 'texts' | readonly Column[]

export interface Column {
  readonly name: string
  /** A list of columns: the column is a list of records with these fields. */
  readonly type: ColumnType
}

/** A row by the names of its columns. Times are Dates. */
export type Row = Readonly<Record<string, unknown>>

const columns = (type: ColumnType, ...names: string[]): Column[] => names.map((name) => ({ name, type }))

export const eventColumns: readonly Column[] = [
  ...columns('text', 'provider', 'project', 'event_id', 'email_id', 'recipient_key', 'type'),
  ...columns('time', 'occurred_at', 'received_at', 'scheduled_for'),
  ...columns('text', 'bounce_class', 'bounce_code', 'failure_reason', 'failure_party'),
  ...columns('boolean', 'failure_is_final', 'human'),
  ...columns('text', 'machine_reason', 'list'),
  ...columns('texts', 'tags'),
  ...columns('text', 'account', 'quarantined_reason'),
]

const recipientColumns = (withAddresses: boolean): readonly Column[] => [
  ...columns('text', 'recipient_key', 'address_hash', ...(withAddresses ? ['address'] : [])),
  ...columns('text', 'domain', 'mailbox_provider', 'status', 'delivery'),
  ...columns('time', 'delivered_at', 'bounced_at', 'complained_at'),
  ...columns('text', 'failure_reason', 'failure_party'),
  ...columns('integer', 'opens_total', 'clicks_total'),
]

/** @param withAddresses whether addresses are exported, and not their hashes alone. */
export const emailColumns = (withAddresses: boolean): readonly Column[] => [
  ...columns('text', 'provider', 'project', 'email_id', 'external_id', 'priority', 'status', 'delivery'),
  ...columns('time', 'created_at', 'updated_at', 'registered_at', 'scheduled_for'),
  ...columns('time', 'queued_at', 'sending_at', 'sent_at', 'delivered_at', 'bounced_at', 'complained_at'),
  ...columns('text', 'bounce_class', 'bounce_code', 'failure_reason', 'failure_party'),
  ...columns('integer', 'opens_total', 'opens_human'),
  ...columns('time', 'opens_first_at', 'opens_last_at'),
  ...columns('integer', 'clicks_total', 'clicks_human'),
  ...columns('time', 'clicks_first_at', 'clicks_last_at'),
  ...columns('texts', 'tags'),
  ...columns('integer', 'recipient_count'),
  { name: 'recipients', type: recipientColumns(withAddresses) },
]
