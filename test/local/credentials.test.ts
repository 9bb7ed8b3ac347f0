import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigurationError } from '../../src/errors.ts'
import { ensureCredentials, readCredentials, webhookSecretsWith } from '../../src/local/credentials.ts'
import { clearRunning, readRunning, writeRunning } from '../../src/local/running.ts'
import { providers } from '../../src/providers/registry.ts'
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

  it('of providers that are new are added, and the others stay as they were', async () => {
    const dataDir = await temporaryFolder()
    const older = { webhookSecret: 'kept-secret', apiKey: 'kept-key' }
    await writeFile(join(dataDir, 'credentials.json'), JSON.stringify(older))
    const { isNew, ...made } = await ensureCredentials(dataDir)
    assert(!isNew)
    assert.deepEqual([made.webhookSecret, made.apiKey], ['kept-secret', 'kept-key'])
    assert.deepEqual(Object.keys(made.providers), providers.map(({ name }) => name).slice(1))
    assert.deepEqual(await readCredentials(dataDir), made)
  })

  it('stand in for what is not configured, provider by provider', async () => {
    const credentials = await ensureCredentials(await temporaryFolder())
    const configured = new Map([
      ['resend', ['configured']],
      ['aisend/eu', ['further']],
    ])
    const secrets = webhookSecretsWith(configured, credentials)
    assert.deepEqual([...secrets.keys()].toSorted(), [...providers.map(({ name }) => name), 'aisend/eu'].toSorted())
    assert.deepEqual([secrets.get('resend'), secrets.get('aisend/eu')], [['configured'], ['further']])
    assert.deepEqual(secrets.get('aisend'), [credentials.webhookSecret])
    assert.deepEqual(secrets.get('ses'), [credentials.providers['ses']?.accepted])
    assert.equal(webhookSecretsWith(configured, null), configured)
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
