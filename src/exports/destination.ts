/** Where exported files are written: a folder, or a bucket of S3 or of a store that is compatible with it. */
import { createFolderDestination } from './folder-destination.ts'
import { createS3Destination, type S3Settings } from './s3-destination.ts'

export interface Destination {
  /** Writes a file whole: a reader sees the former one or this one. @param path with `/` between folders. */
  put(path: string, bytes: Uint8Array): Promise<void>
  has(path: string): Promise<boolean>
  /** Does nothing if there is no such file. */
  remove(path: string): Promise<void>
}

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
