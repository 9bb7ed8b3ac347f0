import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders: string[] = []

/** A folder of the test's own, which PostgreSQL's user may enter too; gone at the end. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'aftersend-local-'))
  await chmod(folder, 0o711)
  folders.push(folder)
  return folder
}

after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))
