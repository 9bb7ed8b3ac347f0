/** The export that runs by itself, as it is configured. */
import type { Database } from '../db/database.ts'
import { createAddressHash, exportHashKey, exportKeyFingerprint } from './address-hash.ts'
import { schemaVersion } from './columns.ts'
import { createDestination } from './create-destination.ts'
import { createDatasets, type Dataset, type DatasetName } from './datasets.ts'
import type { Destination } from './destination.ts'
import type { ExportFormat } from './hour-file.ts'
import type { S3Settings } from './s3-destination.ts'

export interface ScheduledExport {
  /** What it writes and where to. Another one starts anew. */
  readonly target: string
  readonly datasets: Readonly<Record<DatasetName, Dataset>>
  readonly destination: Destination
  readonly formats: readonly ExportFormat[]
}

export interface ExportSettings {
  readonly to: string | null
  readonly formats: readonly ExportFormat[]
  readonly hashKey: string | null
  readonly withAddresses: boolean
  readonly s3: S3Settings | null
}

/** @returns null if nothing is exported by itself, or there is no key for the hashes, which the configuration checks. */
export function createScheduledExport(
  db: Database,
  { to, formats, hashKey, withAddresses, s3 }: ExportSettings,
): ScheduledExport | null {
  const key = exportHashKey(hashKey, db.erasureKey)
  if (to === null || key === null) return null
  return {
    target: JSON.stringify({ to, formats, withAddresses, schemaVersion, key: exportKeyFingerprint(key) }),
    datasets: createDatasets({ db, hashOf: createAddressHash(key), withAddresses }),
    destination: createDestination(to, s3),
    formats,
  }
}
