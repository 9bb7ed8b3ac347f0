import { access, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Destination } from './destination.ts'
import { DestinationRefusedError } from './errors.ts'

/** A folder, which is made if it is missing. A file gets its name once it is complete on the disk. */
export const createFolderDestination = (folder: string): Destination => ({
  put: (path, bytes) => writeWhole(join(folder, path), bytes).catch(refused),
  has: (path) =>
    access(join(folder, path)).then(
      () => true,
      () => false,
    ),
  remove: (path) => rm(join(folder, path), { force: true }).catch(refused),
})

async function writeWhole(target: string, bytes: Uint8Array): Promise<void> {
  // Always the same name: what a killed process has left is written over.
  const partial = join(dirname(target), `.${basename(target)}.partial`)
  await mkdir(dirname(target), { recursive: true })
  const file = await open(partial, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(partial, target)
}

function refused(cause: NodeJS.ErrnoException): never {
  throw new DestinationRefusedError(`the folder of the export cannot be written (${cause.code}): check it`, { cause })
}
