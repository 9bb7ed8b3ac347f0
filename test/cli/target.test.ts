import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findTarget, findWebhookSecret, withDataDir } from '../../src/cli/target.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { providerNamed } from '../../src/providers/registry.ts'

/** The content of running.json. */
const running = {
  apiUrl: 'http://127.0.0.1:3007',
  databaseUrl: 'postgresql://127.0.0.1:54320/aftersend',
  temporalAddress: '127.0.0.1:7233',
  webUiUrl: null,
  pid: 7,
}

const ours = { uid: process.getuid?.() ?? 0, mode: 0o700 }

describe('the running system that commands find', () => {
  let dataDir: string

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'aftersend-target-'))
  })
  afterEach(() => rmSync(dataDir, { recursive: true }))

  const store = (name: string, content: unknown) => writeFileSync(join(dataDir, name), JSON.stringify(content))

  function storeAll(): void {
    store('running.json', running)
    store('credentials.json', { webhookSecret: 'stored-secret', apiKey: 'stored-key' })
  }

  it('is the one in DATA_DIR', async () => {
    storeAll()
    assert.deepEqual(await findTarget({}, { DATA_DIR: dataDir }), {
      apiUrl: 'http://127.0.0.1:3007',
      webhookSecret: 'stored-secret',
      apiKey: 'stored-key',
    })
  })

  it('is the one of the options, then of the environment, then in DATA_DIR', async () => {
    storeAll()
    const env = {
      DATA_DIR: dataDir,
      PORT: '4000',
      HOST: '0.0.0.0',
      AISEND_WEBHOOK_SECRET: 'new-secret-of-tests,old-secret-of-tests',
      API_KEYS: 'a-key-of-16-chars',
    }
    assert.deepEqual(await findTarget({}, env), {
      apiUrl: 'http://127.0.0.1:4000',
      webhookSecret: 'new-secret-of-tests',
      apiKey: 'a-key-of-16-chars',
    })
    const given = { apiUrl: 'https://mail.example.com/', webhookSecret: 's', apiKey: 'k' }
    assert.deepEqual(await findTarget(given, env), { ...given, apiUrl: 'https://mail.example.com' })
  })

  it('is reported with what to set if it is not found', async () => {
    await assert.rejects(findTarget({}, { DATA_DIR: dataDir }), /npx aftersend up/)
    store('running.json', running)
    await assert.rejects(findTarget({}, { DATA_DIR: dataDir }), /--secret/)
    writeFileSync(join(dataDir, 'credentials.json'), '{"webhookSecret":')
    await assert.rejects(findTarget({}, { DATA_DIR: dataDir }), ConfigurationError)
  })

  it('has the configured secret of a provider, or the generated one', async () => {
    const generated = { resend: { accepted: 'a', signing: 'generated' } }
    store('credentials.json', { webhookSecret: 's', apiKey: 'k', providers: generated })
    const resend = providerNamed('resend')
    const configured = `whsec_${'a'.repeat(32)}`
    assert.equal(await findWebhookSecret(undefined, { DATA_DIR: dataDir }, resend), 'generated')
    const env = { DATA_DIR: dataDir, RESEND_WEBHOOK_SECRET: configured }
    assert.equal(await findWebhookSecret(undefined, env, resend), configured)
  })

  it('is searched in the working folder, then above it, then beside Aftersend itself', () => {
    const at = (...folders: string[]) =>
      withDataDir({}, '/home/ada/shop/src', '/opt/aftersend/', (path) => (folders.includes(path) ? ours : undefined))[
        'DATA_DIR'
      ]
    assert.equal(at('/home/ada/.aftersend', '/home/ada/shop/.aftersend'), '/home/ada/shop/.aftersend')
    assert.equal(at('/opt/aftersend/.aftersend'), '/opt/aftersend/.aftersend')
    assert.equal(at(), undefined)
    const given = { DATA_DIR: 'elsewhere' }
    assert.equal(
      withDataDir(given, '/home/ada', '/opt', () => ours),
      given,
    )
  })

  it('is refused where another user may have put it, unless DATA_DIR names it', () => {
    for (const planted of [
      { ...ours, uid: ours.uid + 1 },
      { ...ours, mode: 0o777 },
      { ...ours, mode: 0o720 },
    ]) {
      const ownerOf = (path: string) => (path === '/tmp/.aftersend' ? planted : undefined)
      assert.throws(
        () => withDataDir({}, '/tmp/work', '/opt', ownerOf),
        (error) => error instanceof ConfigurationError && /\/tmp\/\.aftersend/.test(error.message),
      )
      assert.ok(withDataDir({ DATA_DIR: '/tmp/.aftersend' }, '/tmp/work', '/opt', ownerOf))
    }
  })
})
