/** Whole systems in the test's own process: for faults that need several instances but kill none. */
import { readConfig } from '../../src/config.ts'
import { startSystem } from '../../src/system.ts'
import { quietLog, quietTemporalRuntime } from '../quiet.ts'
import { type Servers, settingsOf } from './settings.ts'

export interface Started {
  readonly url: string
  stop(): Promise<void>
}

/** Resolves when the instance serves and its worker, if any, polls. */
export async function startInstance(
  servers: Servers,
  role: 'all' | 'api',
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  quietTemporalRuntime()
  const config = readConfig({ ...settingsOf(role, servers), ...env })
  const system = await startSystem({
    config,
    databaseUrl: servers.databaseUrl,
    temporal: { address: servers.temporalAddress, namespace: 'default', security: {} },
    webhookSecrets: config.webhookSecrets,
    apiKeys: config.apiKeys,
    erasureKey: config.erasureKey,
    webUiUrl: null,
    // Any free one: of two test files that looked for one at the same moment, one would find it taken.
    port: 0,
    log: quietLog,
  })
  await system.whenWorking
  return { url: String(system.apiUrl), stop: () => system.stop() }
}
