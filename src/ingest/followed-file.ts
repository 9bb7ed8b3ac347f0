/** Reads a log that grows, from where it was read to, also over its rotation. */
import { type FileHandle, open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'

/** Where the next line begins. The file is named by its inode: a rotated log has another one. */
export const placeForm = z.object({ inode: z.number(), offset: z.number() })
export type Place = z.infer<typeof placeForm>

export interface Lines {
  readonly lines: readonly string[]
  readonly place: Place
}

interface FollowOptions {
  /** Null: from the file's beginning. */
  readonly from: Place | null
  /** False: ends at the end of the file. */
  readonly isFollowed: boolean
  readonly signal: AbortSignal
}

const [chunkBytes, pollMs] = [262_144, 250]

/**
 * Yields complete lines in groups. At the end of the file it waits for more; when the path leads to another file, the rest of the old one is
 * read first. A file that has become shorter is read from its beginning.
 * @throws if the file cannot be opened.
 */
export async function* followFile(path: string, { from, isFollowed, signal }: FollowOptions): AsyncGenerator<Lines> {
  let place = from
  const rotated = place && (await rotatedTo(path, place.inode))
  if (place && rotated) {
    const file = await open(rotated)
    for await (const lines of linesOf(file, place)) yield lines
    await file.close()
  }
  for (;;) {
    const file = await open(path)
    try {
      const { ino: inode, size } = await file.stat()
      place = { inode, offset: place?.inode === inode && place.offset <= size ? place.offset : 0 }
      for await (const lines of linesOf(file, place)) {
        place = lines.place
        yield lines
      }
      if (!isFollowed) return
      yield* untilRotated(path, file, place, signal)
      if (signal.aborted) return
      place = null
    } finally {
      await file.close()
    }
  }
}

/** Where a log is that was rotated while nobody read it: beside the path, under a longer name. Null if it is at the path, or gone. */
async function rotatedTo(path: string, inode: number): Promise<string | null> {
  if ((await stat(path)).ino === inode) return null
  const names = await readdir(dirname(path))
  for (const name of names.filter((each) => each.startsWith(basename(path)))) {
    const found = join(dirname(path), name)
    if ((await stat(found).catch(() => null))?.ino === inode) return found
  }
  return null
}

/** Yields what is appended, until the path leads to another file and this one has been read to its end. */
async function* untilRotated(path: string, file: FileHandle, from: Place, signal: AbortSignal): AsyncGenerator<Lines> {
  let place = from
  while (!signal.aborted) {
    // Asked before reading: what was written until then is read.
    const current = await stat(path).catch(() => null)
    // What is appended from now on does not mean that the file was longer.
    const { offset } = place
    for await (const lines of linesOf(file, place)) {
      place = lines.place
      yield lines
    }
    if (current && (current.ino !== place.inode || current.size < offset)) return
    await pause(pollMs, undefined, { signal }).catch(() => {})
  }
}

/** To the last complete line. */
async function* linesOf(file: FileHandle, from: Place): AsyncGenerator<Lines> {
  let { offset } = from
  let [size, chunk] = [chunkBytes, Buffer.alloc(chunkBytes)]
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, size, offset)
    const end = chunk.subarray(0, bytesRead).lastIndexOf(10) + 1
    if (end === 0 && bytesRead < size) return
    if (end === 0) {
      // A line longer than the chunk.
      size *= 2
      chunk = Buffer.alloc(size)
      continue
    }
    offset += end
    yield { lines: chunk.toString('utf8', 0, end - 1).split('\n'), place: { inode: from.inode, offset } }
  }
}
