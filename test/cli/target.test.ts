import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findTarget, findWebhookSecret, withDataDir } from '../../src/cli/target.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { providerNamed } from '../../src/providers/registry.ts'

/** As a running system leaves it. */
const running = {
  apiUrl: 'http://127.0.0.1:3007',
  databaseUrl: 'postgresql://127.0.0.1:54320/aftersend',
  temporalAddress: '127.0.0.1:7233',
  webUiUrl: null,
  pid: 7,
}

describe('the running system that command lines find', () => {
  let dataDir: string

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'aftersend-target-'))
  })
  afterEach(() => rmSync(dataDir, { recursive: true }))

  const leave = (name: string, content: unknown) => writeFileSync(join(dataDir, name), JSON.stringify(content))

  function leaveAll(): void {
    leave('running.json', running)
    leave('credentials.json', { webhookSecret: 'kept-secret', apiKey: 'kept-key' })
  }

  it('is the one that DATA_DIR tells of', async () => {
    leaveAll()
    assert.deepEqual(await findTarget({}, { DATA_DIR: dataDir }), {
      apiUrl: 'http://127.0.0.1:3007',
      webhookSecret: 'kept-secret',
      apiKey: 'kept-key',
    })
  })

  it('is the one of the environment before that, and of the command line before all', async () => {
    leaveAll()
    const env = {
      DATA_DIR: dataDir,
      PORT: '4000',
      HOST: '0.0.0.0',
      AISEND_WEBHOOK_SECRET: 'new-secret,old-secret',
      API_KEYS: 'a-key-of-16-chars',
    }
    assert.deepEqual(await findTarget({}, env), {
      apiUrl: 'http://127.0.0.1:4000',
      webhookSecret: 'new-secret',
      apiKey: 'a-key-of-16-chars',
    })
    const said = { apiUrl: 'https://mail.example.com/', webhookSecret: 's', apiKey: 'k' }
    assert.deepEqual(await findTarget(said, env), { ...said, apiUrl: 'https://mail.example.com' })
  })

  it('is asked for by name when it is not to be found', async () => {
    await assert.rejects(findTarget({}, { DATA_DIR: dataDir }), /npm start/)
    leave('running.json', running)
    await assert.rejects(findTarget({}, { DATA_DIR: dataDir }), /--secret/)
    writeFileSync(join(dataDir, 'credentials.json'), '{"webhookSecret":')
    await assert.rejects(findTarget({}, { DATA_DIR: dataDir }), ConfigurationError)
  })

  it('is signed to with what was generated for the provider, or with what is configured for it', async () => {
    const generated = { resend: { accepted: 'a', signing: 'generated' } }
    leave('credentials.json', { webhookSecret: 's', apiKey: 'k', providers: generated })
    const resend = providerNamed('resend')
    const configured = `whsec_${'a'.repeat(32)}`
    assert.equal(await findWebhookSecret(undefined, { DATA_DIR: dataDir }, resend), 'generated')
    const env = { DATA_DIR: dataDir, RESEND_WEBHOOK_SECRET: configured }
    assert.equal(await findWebhookSecret(undefined, env, resend), configured)
  })

  it('is looked for in the folder where the command is called, then above it, then beside Aftersend itself', () => {
    const at = (...folders: string[]) =>
      withDataDir({}, '/home/ada/shop/src', '/opt/aftersend/', (path) => folders.includes(path))['DATA_DIR']
    assert.equal(at('/home/ada/.aftersend', '/home/ada/shop/.aftersend'), '/home/ada/shop/.aftersend')
    assert.equal(at('/opt/aftersend/.aftersend'), '/opt/aftersend/.aftersend')
    assert.equal(at(), undefined)
    const said = { DATA_DIR: 'elsewhere' }
    assert.equal(
      withDataDir(said, '/home/ada', '/opt', () => true),
      said,
    )
  })
})
