/** The system as `npm start` composes it, on the tests' servers, and a provider that posts webhooks to it. */
import { randomBytes } from 'node:crypto'
import { readConfig } from '../../src/config.ts'
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { type System, startSystem } from '../../src/system.ts'
import type { SystemOptions } from '../../src/system-options.ts'
import { quietLog, quietTemporalRuntime } from '../quiet.ts'
import { type TestDatabase, testDatabase, testTemporal } from '../stack.ts'

export interface WholeSystem {
  readonly url: string
  readonly apiKey: string
  readonly db: TestDatabase['db']
  /** Registers an email by the API. */
  register(email: { id: string; to: string | string[]; subject?: string; priority?: string }): Promise<void>
  /** Posts one signed event. Default ID: random. */
  webhook(type: string, emailId: string, more?: Record<string, unknown>, id?: string): Promise<void>
  stop(): Promise<void>
}

export interface WholeSystemOptions {
  /** Environment variables. Default: none. */
  readonly env?: Readonly<Record<string, string>>
  /** Default: the shared Temporal of the tests. */
  readonly temporalAddress?: string
  readonly parts?: Partial<Pick<SystemOptions, 'log' | 'tracing' | 'temporalMetricsPort'>>
}

export async function startWholeSystem({
  env = {},
  temporalAddress,
  parts,
}: WholeSystemOptions = {}): Promise<WholeSystem> {
  const [database, address] = await Promise.all([testDatabase(), temporalAddress ?? testTemporal()])
  quietTemporalRuntime()
  const [secret, apiKey] = ['secret-of-the-browser-tests', `key-${randomBytes(16).toString('hex')}`]
  const system: System = await startSystem({
    // A port where nothing listens: no test asks the DNS of the machine.
    config: readConfig({ MAILBOX_PROVIDER_LOOKUP: 'off', DNS_SERVERS: '127.0.0.1:9', ...env }),
    databaseUrl: database.url,
    temporal: { address, namespace: 'default', security: {} },
    webhookSecrets: new Map([['aisend', [secret]]]),
    apiKeys: [apiKey],
    erasureKey: 'erasure-key-of-the-tests-0000001',
    webUiUrl: 'http://127.0.0.1:8233',
    port: 0,
    log: quietLog,
    ...parts,
  })
  const url = system.apiUrl ?? ''
  await system.whenWorking
  const post = async (path: string, body: string, headers: Record<string, string>) => {
    const answer = await fetch(url + path, { method: 'POST', body, headers })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  }
  return {
    url,
    apiKey,
    db: database.db,
    register: (email) =>
      post('/v1/emails', JSON.stringify(email), {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
      }),
    webhook(type, emailId, more = {}, id = `evt_${randomBytes(8).toString('hex')}`) {
      const data = { email_id: emailId, ...more }
      const body = JSON.stringify({ id, type: `email.${type}`, data })
      return post('/webhooks/aisend', body, { 'x-webhook-signature': aisendSignature(body, secret) })
    },
    async stop() {
      await system.stop()
      await database.drop()
    },
  }
}
