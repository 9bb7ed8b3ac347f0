import type { Destination } from './destination.ts'
import { createFolderDestination } from './folder-destination.ts'
import { createS3Destination, type S3Settings } from './s3-destination.ts'

/**
 * @param to a folder, or `s3://bucket/prefix`.
 * @param s3 required for the latter.
 */
export function createDestination(to: string, s3: S3Settings | null): Destination {
  if (!isBucket(to)) return createFolderDestination(to)
  if (s3 === null) throw new Error('a bucket needs the settings of S3')
  return createS3Destination(to, s3)
}

export const isBucket = (to: string): boolean => to.startsWith('s3://')
