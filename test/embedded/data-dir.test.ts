import assert from 'node:assert/strict'
import { mkdir, realpath, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareDataDir } from '../../src/embedded/data-dir.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { temporaryFolder } from '../stack.ts'

describe('DATA_DIR', () => {
  it('is created with the folders above it, and only its owner may list it', async () => {
    const path = await prepareDataDir(join(await temporaryFolder(), 'some', 'data'))
    assert.equal((await stat(path)).mode & 0o777, process.getuid?.() === 0 ? 0o711 : 0o700)
    assert.equal((await stat(join(path, 'logs'))).mode & 0o777, 0o700)
  })

  it('is resolved through symbolic links, and keeps its mode', async () => {
    const folder = await realpath(await temporaryFolder())
    await mkdir(join(folder, 'data'), { mode: 0o755 })
    await symlink('data', join(folder, 'link'))
    assert.equal(await prepareDataDir(join(folder, 'link')), join(folder, 'data'))
    assert.equal((await stat(join(folder, 'data'))).mode & 0o777, 0o755)
  })

  it('is refused with what to do where it cannot be used', async () => {
    const file = join(await temporaryFolder(), 'file')
    await writeFile(file, '')
    for (const path of [file, join(file, 'below')]) {
      await assert.rejects(prepareDataDir(path), (error) => {
        assert(error instanceof ConfigurationError)
        assert.match(error.message, new RegExp(`DATA_DIR ${path} .*DATABASE_URL and TEMPORAL_ADDRESS`))
        return true
      })
    }
  })
})
