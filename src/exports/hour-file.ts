/** A file of an hour that is being made. In memory, since a part of an hour has few megabytes once it is compressed. */
import type { Column, Row } from './columns.ts'

export const exportFormats = ['parquet', 'ndjson'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface HourFile {
  add(rows: readonly Row[]): Promise<void>
  /** The bytes: the same for the same rows. */
  finish(): Promise<Uint8Array>
}

interface FileKind {
  readonly extension: string
  readonly create: (columns: readonly Column[]) => Promise<HourFile>
}

/** Loaded when a file is made, so that a worker without an export does not load them. */
export const fileKinds: Readonly<Record<ExportFormat, FileKind>> = {
  parquet: {
    extension: 'parquet',
    create: async (columns) => (await import('./parquet-file.ts')).createParquetFile(columns),
  },
  ndjson: {
    extension: 'ndjson.gz',
    create: async (columns) => (await import('./ndjson-file.ts')).createNdjsonFile(columns),
  },
}
