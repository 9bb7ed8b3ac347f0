/** The custom fields and IDs of sample emails. */
import { createHash } from 'node:crypto'
import type { Metadata } from '../domain/own-ids.ts'
import { metadataTagPrefix } from './custom-fields.ts'
import type { SampleEmail } from './sample.ts'

type OwnIdsOfSample = Pick<SampleEmail, 'externalId' | 'metadata'>

/** The custom fields of an email. */
export const customFieldsOf = ({ externalId, metadata }: OwnIdsOfSample): Metadata => ({
  ...metadata,
  ...(externalId !== undefined && { external_id: externalId }),
})

/** The same for providers whose tags are their only custom fields. */
export const customTagsOf = ({ externalId, metadata = {} }: OwnIdsOfSample): Metadata => ({
  ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [metadataTagPrefix + key, value])),
  ...(externalId !== undefined && { external_id: externalId }),
})

/** A UUID of a unique key, the same each time. */
export const uuidOf = (key: string): string =>
  createHash('sha256')
    .update(key)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
