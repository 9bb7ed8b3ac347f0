/** Writes an hour of a dataset. */
import { createHash } from 'node:crypto'
import { schemaVersion } from './columns.ts'
import { type Dataset, type DatasetName, pageRows } from './datasets.ts'
import type { Destination } from './destination.ts'
import { fileKinds } from './file-kinds.ts'
import type { ExportFormat, HourFile } from './hour-file.ts'

/** An hour with more rows has several parts, since each is made in memory. A multiple of {@link pageRows}. */
const partRows = 20 * pageRows

interface WrittenFile {
  readonly format: ExportFormat
  readonly name: string
  readonly rows: number
  readonly bytes: number
  readonly sha256: string
}

export interface HourExport {
  readonly destination: Destination
  readonly formats: readonly ExportFormat[]
  /** Called after each page of rows, and each file. */
  readonly onProgress: () => void
}

/** The name of the marker, beside the files of an hour in this format. It is there when they are complete. */
const markerOf = (format: ExportFormat): string => `_SUCCESS-${format}.json`

/** `events/date=2030-01-31/hour=07`: DuckDB, Spark and others read date and hour from it. */
const folderOf = (dataset: DatasetName, hour: Date): string =>
  `${dataset}/date=${hour.toISOString().slice(0, 10)}/hour=${hour.toISOString().slice(11, 13)}`

/** Whether an hour is complete in all of these formats. */
export async function isExported(
  destination: Destination,
  dataset: DatasetName,
  hour: Date,
  formats: readonly ExportFormat[],
): Promise<boolean> {
  for (const format of formats) {
    if (!(await destination.has(`${folderOf(dataset, hour)}/${markerOf(format)}`))) return false
  }
  return true
}

/**
 * Writes the files of an hour, and then its markers, which list them. Idempotent: the same rows give the same files under the same
 * names. While an hour is written again, it has no marker.
 * @returns the number of rows.
 */
export async function exportHour(dataset: Dataset, hour: Date, options: HourExport): Promise<number> {
  const { destination, formats, onProgress } = options
  const folder = folderOf(dataset.name, hour)
  for (const format of formats) await destination.remove(`${folder}/${markerOf(format)}`)
  const files: WrittenFile[] = []
  let rows = 0
  let part = createPart(dataset, options)
  const finishPart = async () => {
    files.push(...(await part.write(folder, Math.floor((rows - 1) / partRows))))
    part = createPart(dataset, options)
  }
  for await (const page of dataset.read(hour)) {
    await part.add(page)
    rows += page.length
    onProgress()
    if (rows % partRows === 0) await finishPart()
  }
  if (rows % partRows > 0) await finishPart()
  for (const format of formats) {
    const written = files.filter((file) => file.format === format).map(({ format: _, ...file }) => file)
    const marker = { schemaVersion, dataset: dataset.name, hour: hour.toISOString(), rows, files: written }
    await destination.put(`${folder}/${markerOf(format)}`, Buffer.from(`${JSON.stringify(marker, null, 2)}\n`))
  }
  onProgress()
  return rows
}

/** A part of an hour, in each format. */
function createPart({ columns }: Dataset, { destination, formats, onProgress }: HourExport) {
  const files = new Map<ExportFormat, HourFile>()
  let rows = 0
  return {
    async add(page: Parameters<HourFile['add']>[0]) {
      rows += page.length
      for (const format of formats) {
        const file = files.get(format) ?? (await fileKinds[format].create(columns))
        files.set(format, file)
        await file.add(page)
      }
    },
    async write(folder: string, number: number): Promise<WrittenFile[]> {
      const written: WrittenFile[] = []
      for (const [format, file] of files) {
        const name = `part-${number}.${fileKinds[format].extension}`
        const bytes = await file.finish()
        await destination.put(`${folder}/${name}`, bytes)
        onProgress()
        const sha256 = createHash('sha256').update(bytes).digest('hex')
        written.push({ format, name, rows, bytes: bytes.length, sha256 })
      }
      return written
    },
  }
}
