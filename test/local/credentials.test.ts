import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError } from '../../src/errors.ts'
import { ensureCredentials, readCredentials } from '../../src/local/credentials.ts'
import { clearRunning, readRunning, writeRunning } from '../../src/local/running.ts'
import { temporaryFolder } from './temporary-folder.ts'

describe('generated credentials', () => {
  it('are made once, differ between systems, and are for their owner alone', async () => {
    const dataDir = join(await temporaryFolder(), 'data')
    assert.equal(await readCredentials(dataDir), null)
    const { isNew, ...made } = await ensureCredentials(dataDir)
    assert(isNew)
    assert.deepEqual(await ensureCredentials(dataDir), { ...made, isNew: false })
    assert.deepEqual(await readCredentials(dataDir), made)
    assert.equal((await stat(join(dataDir, 'credentials.json'))).mode & 0o777, 0o600)
    const others = await ensureCredentials(await temporaryFolder())
    assert.notEqual(others.webhookSecret, made.webhookSecret)
    assert.notEqual(others.apiKey, made.apiKey)
  })

  it('are never replaced when their file is damaged', async () => {
    const dataDir = await temporaryFolder()
    await writeFile(join(dataDir, 'credentials.json'), '{"webhookSecret":')
    await assert.rejects(ensureCredentials(dataDir), ConfigurationError)
  })
})

describe('word of a running system', () => {
  it('is there while it runs, for its owner alone', async () => {
    const dataDir = await temporaryFolder()
    assert.equal(await readRunning(dataDir), null)
    const running = {
      apiUrl: 'http://127.0.0.1:3000',
      databaseUrl: 'postgresql://aftersend:secret@127.0.0.1:54320/aftersend',
      temporalAddress: '127.0.0.1:7233',
      webUiUrl: 'http://127.0.0.1:8233',
      pid: process.pid,
    }
    await writeRunning(dataDir, running)
    assert.deepEqual(await readRunning(dataDir), running)
    assert.equal((await stat(join(dataDir, 'running.json'))).mode & 0o777, 0o600)
    await clearRunning(dataDir)
    assert.equal(await readRunning(dataDir), null)
  })
})
