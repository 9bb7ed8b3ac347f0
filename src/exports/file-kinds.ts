import type { Column } from './columns.ts'
import type { ExportFormat, HourFile } from './hour-file.ts'

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
