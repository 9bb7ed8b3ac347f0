/** A file of an hour that is being made. In memory, since a part of an hour has few megabytes once it is compressed. */
import type { Row } from './columns.ts'

export const exportFormats = ['parquet', 'ndjson'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface HourFile {
  add(rows: readonly Row[]): Promise<void>
  /** The bytes: the same for the same rows. */
  finish(): Promise<Uint8Array>
}
