/**
 * Starts Aftersend and stops it: configuration → servers (PostgreSQL, Temporal) → system. In the system, data flows
 * provider → API → inbox → Temporal → worker → PostgreSQL → API: {@link startSystem} assembles these parts in this order.
 */
import { banner } from './banner.ts'
import { type Config, readConfig } from './config.ts'
import { webhookSecretsWith } from './embedded/credentials.ts'
import { anyFreePort, freePort } from './embedded/free-port.ts'
import { createLog } from './log.ts'
import { type Servers, startServers } from './servers.ts'
import { exitAfterTimeout } from './stopping.ts'
import { startSystem } from './system.ts'
import type { SystemOptions } from './system-options.ts'
import { installTemporalRuntime } from './temporal/worker.ts'
import { WorkerSupervisor } from './worker-supervisor.ts'

const preferredPort = 3000
const print = (line: string): void => console.log(line)

async function run(): Promise<void> {
  const startedAt = performance.now()
  const stopRequested = whenStopRequested()
  const config = readConfig(process.env)
  const processParts = await startProcessParts(config)

  const servers = await startServers(config, print)
  try {
    const system = await startSystem(await systemOptions(config, servers, processParts))
    const { credentials, webUiUrl } = servers
    if (credentials) await system.whenWorking
    await servers.publish(system.apiUrl)
    const { apiUrl, workerUrl } = system
    const dataDir = credentials ? config.dataDir : null
    const newSecrets = credentials?.isNew ? credentials : null
    print(banner({ apiUrl, workerUrl, webUiUrl, dataDir, newSecrets, startedInMs: performance.now() - startedAt }))

    await stopRequested
    print('Stopping …')
    await system.stop()
    await processParts.tracing?.stop()
  } finally {
    await servers.stop()
  }
  print('Stopped.')
}

/** Log, worker process, Temporal's runtime and tracing: one each per process, before anything connects. */
async function startProcessParts(config: Config) {
  const log = createLog(config.logLevel)
  // Launched first, so that it loads while the servers start.
  const supervisor = config.role === 'all' ? new WorkerSupervisor({ log }) : null
  const temporalMetricsPort = config.role === 'worker' ? await anyFreePort() : null
  installTemporalRuntime(log, temporalMetricsPort)
  const tracing = config.tracing && (await import('./telemetry/start-tracing.ts')).startTracing(config.tracing)
  return { log, supervisor, temporalMetricsPort, tracing }
}

/** Generated credentials replace what the configuration leaves out. */
async function systemOptions(
  config: Config,
  { databaseUrl, temporal, credentials, webUiUrl }: Servers,
  processParts: Awaited<ReturnType<typeof startProcessParts>>,
): Promise<SystemOptions> {
  return {
    config,
    databaseUrl,
    temporal,
    webUiUrl,
    webhookSecrets: webhookSecretsWith(config.webhookSecrets, credentials),
    apiKeys: config.apiKeys.length > 0 || !credentials ? config.apiKeys : [credentials.apiKey],
    erasureKey: config.erasureKey ?? credentials?.erasureKey ?? null,
    port: config.port ?? (await freePort(preferredPort, config.host)),
    ...processParts,
  }
}

/** npm forwards a Ctrl-C that the terminal has also sent here: a second signal within this time is the same one. */
const sameSignalMs = 1_000

/** Resolves with the first signal to stop. A second signal, or a shutdown that takes too long, exits at once. */
const whenStopRequested = (): Promise<void> =>
  new Promise((resolve) => {
    let requestedAt: number | null = null
    const onSignal = () => {
      if (requestedAt !== null && performance.now() - requestedAt > sameSignalMs) process.exit(130)
      if (requestedAt === null) exitAfterTimeout(print)
      requestedAt ??= performance.now()
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  })

try {
  await run()
  process.exit(0)
} catch (error) {
  const isTyped = error instanceof Error && error.name !== 'Error' && error.name !== 'TypeError'
  console.error(isTyped ? error.message : error)
  process.exit(1)
}
