import assert from 'node:assert/strict'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureCredentials, readCredentials, webhookSecretsWith } from '../../src/embedded/credentials.ts'
import { clearRunning, readRunning, writeRunning } from '../../src/embedded/running.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { providers } from '../../src/providers/registry.ts'
import { temporaryFolder } from '../stack.ts'

describe('generated credentials', () => {
  it('are generated once, differ between systems, and are readable by their owner only', async () => {
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

  it('of new providers are added, and the others do not change', async () => {
    const dataDir = await temporaryFolder()
    const older = { webhookSecret: 'kept-secret', apiKey: 'kept-key' }
    await writeFile(join(dataDir, 'credentials.json'), JSON.stringify(older))
    const { isNew, ...made } = await ensureCredentials(dataDir)
    assert(!isNew)
    assert.deepEqual([made.webhookSecret, made.apiKey], ['kept-secret', 'kept-key'])
    assert.deepEqual(Object.keys(made.providers), providers.map(({ name }) => name).slice(1))
    assert.deepEqual(await readCredentials(dataDir), made)
  })

  it('are used for each provider that is not configured', async () => {
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

describe('the file of a running system', () => {
  it('exists while it runs, and is readable by its owner only', async () => {
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
