/** Where exported files are written: a folder, or a bucket of S3 or of a store that is compatible with it. */
export interface Destination {
  /** Writes a file whole: a reader sees the former one or this one. @param path with `/` between folders. */
  put(path: string, bytes: Uint8Array): Promise<void>
  has(path: string): Promise<boolean>
  /** Does nothing if there is no such file. */
  remove(path: string): Promise<void>
}
