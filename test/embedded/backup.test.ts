import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureCredentials } from '../../src/embedded/credentials.ts'
import { root } from '../rooms.ts'
import { temporaryFolder } from '../stack.ts'

describe('the documented backup of embedded servers', () => {
  const command = /^ {4}(tar .*)$/m.exec(readFileSync(`${root}docs/production.md`, 'utf8'))?.[1] ?? ''

  it('holds the data, but not the key of erasures, by which the hashes in it could be tried', async () => {
    const folder = await temporaryFolder()
    const dataDir = join(folder, '.aftersend')
    const { erasureKey } = await ensureCredentials(dataDir)
    // Left by a crash while it was written.
    writeFileSync(join(dataDir, 'credentials.json.0a1b2c3d'), String(erasureKey))
    mkdirSync(join(dataDir, 'postgres/18/base'), { recursive: true })
    writeFileSync(join(dataDir, 'postgres/18/base/1'), 'rows')

    const archive = command.split(' ')[2] ?? ''
    execFileSync('sh', ['-c', command], { cwd: folder })
    const restored = join(folder, 'restored')
    mkdirSync(restored)
    execFileSync('tar', ['-xzf', join(folder, archive), '-C', restored])
    const files = readdirSync(restored, { recursive: true, encoding: 'utf8' }).filter((path) =>
      statSync(join(restored, path)).isFile(),
    )
    const texts = files.map((path) => readFileSync(join(restored, path), 'utf8'))
    assert.ok(texts.includes('rows'))
    assert.ok(erasureKey && !texts.join().includes(erasureKey))
  })
})
