/** The environment variables of the data export. */
import { z } from 'zod'
import * as format from './environment-formats.ts'
import { forWorker } from './environment-formats.ts'

export const exportFormatNames = ['parquet', 'ndjson'] as const

const formatList = format.list
  .refine(
    (given) => given.every((name) => exportFormatNames.some((known) => known === name)),
    'must be parquet, ndjson or both',
  )
  .transform((given) => given as (typeof exportFormatNames)[number][])
  .transform((given) => (given.length === 0 ? [exportFormatNames[0]] : [...new Set(given)].sort()))
  .meta({ form: '`parquet`, `ndjson`, or both separated by a comma' })

export const dataExport = {
  EXPORT_TO: forWorker(
    z
      .string()
      .refine((to) => !to.includes('://') || /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^?#]*)?$/.test(to), {
        message: 'must be a folder, or s3://bucket/prefix',
      })
      .meta({ form: 'path, or `s3://bucket/prefix`' })
      .optional(),
    'Where events and emails are exported to, hour by hour.',
    'nothing is exported by itself',
  ),
  EXPORT_FORMATS: forWorker(formatList, 'The formats of exported files.', '`parquet`'),
  EXPORT_HASH_KEY: forWorker(
    format.erasureKey.optional(),
    'Key of the hashes that stand in for addresses in exported files. A new key starts the export anew, with other hashes. Create it with `openssl rand -hex 32`.',
    'derived from `ERASURE_KEY`',
  ),
  EXPORT_ADDRESSES: forWorker(
    z.enum(['hashed', 'plain'], 'must be hashed or plain').default('hashed'),
    'Whether exported files have addresses as keyed hashes alone, or as plain text too.',
  ),
  S3_ACCESS_KEY_ID: forWorker(format.text.optional(), 'Access key of the bucket. Required with `EXPORT_TO=s3://…`.'),
  S3_SECRET_ACCESS_KEY: forWorker(format.text.optional(), 'The secret access key to `S3_ACCESS_KEY_ID`.'),
  S3_REGION: forWorker(format.text.default('us-east-1'), 'The region of the bucket; `auto` for Cloudflare R2.'),
  S3_ENDPOINT: forWorker(
    format.httpUrl.optional(),
    'URL of a store that is compatible with S3, such as MinIO or R2.',
    'Amazon S3, by the region',
  ),
}

export interface ExportSettings {
  /** A folder, or `s3://bucket/prefix`; null: nothing is exported by itself. */
  readonly to: string | null
  readonly formats: readonly (typeof exportFormatNames)[number][]
  /** Of the addresses' hashes; null: one that is derived from the key of erasures. */
  readonly hashKey: string | null
  readonly withAddresses: boolean
  /** Null: files cannot be written to a bucket. */
  readonly s3: {
    readonly keyId: string
    readonly secret: string
    readonly region: string
    /** Null: Amazon's. */
    readonly endpoint: string | null
  } | null
}

const variables = z.object(dataExport)

export const exportSettings = (env: z.infer<typeof variables>): ExportSettings => ({
  to: env.EXPORT_TO ?? null,
  formats: env.EXPORT_FORMATS,
  hashKey: env.EXPORT_HASH_KEY ?? null,
  withAddresses: env.EXPORT_ADDRESSES === 'plain',
  s3:
    env.S3_ACCESS_KEY_ID && env.S3_SECRET_ACCESS_KEY
      ? {
          keyId: env.S3_ACCESS_KEY_ID,
          secret: env.S3_SECRET_ACCESS_KEY,
          region: env.S3_REGION,
          endpoint: env.S3_ENDPOINT ?? null,
        }
      : null,
})

type Given = Readonly<Record<string, string | undefined>>

/** Settings that the export requires. Checks the raw values, so that these errors are reported with all others. */
export function missingExportSettings(given: Given): string[] {
  const to = given['EXPORT_TO']
  if (!to) return []
  const isEmbedded = !given['DATABASE_URL'] || !given['TEMPORAL_ADDRESS']
  const keys = to.startsWith('s3://') ? ['S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] : []
  return [
    ...keys.filter((name) => !given[name]).map((name) => `${name} is missing: EXPORT_TO is a bucket`),
    ...(isEmbedded || given['ERASURE_KEY'] || given['EXPORT_HASH_KEY']
      ? []
      : ['EXPORT_HASH_KEY is missing: EXPORT_TO needs a key for the hashes of addresses']),
  ]
}
