/** Reads the configuration, starts what it names, and stops it all in order when told to. */
import { banner } from './banner.ts'
import { type Config, readConfig } from './config.ts'
import { webhookSecretsWith } from './local/credentials.ts'
import { anyFreePort, freePort } from './local/free-port.ts'
import { createLog } from './log.ts'
import { type Servers, startServers } from './servers.ts'
import { type System, startSystem } from './system.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { installTemporalRuntime } from './temporal/worker.ts'

const preferredPort = 3000
const say = (line: string): void => console.log(line)

async function start(config: Config): Promise<{ system: System; servers: Servers; tracing: Tracing | null }> {
  const startedAt = performance.now()
  const log = createLog(config.logLevel)
  const temporalMetricsPort = config.role === 'api' ? null : await anyFreePort()
  installTemporalRuntime(log, temporalMetricsPort)
  const tracing = config.tracing && (await import('./telemetry/start-tracing.ts')).startTracing(config.tracing)
  const servers = await startServers(config, say)
  try {
    const { credentials, webUiUrl } = servers
    const system = await startSystem({
      config,
      databaseUrl: servers.databaseUrl,
      temporal: servers.temporal,
      webhookSecrets: webhookSecretsWith(config.webhookSecrets, credentials),
      apiKeys: ownOr(config.apiKeys, credentials?.apiKey),
      erasureKey: config.erasureKey ?? credentials?.erasureKey ?? null,
      webUiUrl,
      port: config.port ?? (await freePort(preferredPort, config.host)),
      temporalMetricsPort,
      tracing,
      log,
    })
    if (credentials) await system.whenWorking
    await servers.announce(system.apiUrl)
    say(
      banner({
        apiUrl: system.apiUrl,
        workerUrl: system.workerUrl,
        webUiUrl,
        dataDir: credentials ? config.dataDir : null,
        newSecrets: credentials?.isNew ? credentials : null,
        startedInMs: performance.now() - startedAt,
      }),
    )
    return { system, servers, tracing }
  } catch (error) {
    await servers.stop()
    throw error
  }
}

/** What the environment says; where it says nothing, what was generated. */
const ownOr = (given: readonly string[], generated: string | undefined): readonly string[] =>
  given.length > 0 || generated === undefined ? given : [generated]

/** npm passes on a Ctrl-C that the terminal has sent us too: one that comes so soon is the same one. */
const sameSignalMs = 1_000

/** Resolves when told to stop; told once more, a second or more later, the process ends where it stands. */
const whenToldToStop = (): Promise<void> =>
  new Promise((resolve) => {
    let toldAt: number | null = null
    const onSignal = () => {
      if (toldAt !== null && performance.now() - toldAt > sameSignalMs) process.exit(130)
      toldAt ??= performance.now()
      resolve()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  })

async function run(): Promise<void> {
  const toldToStop = whenToldToStop()
  const { system, servers, tracing } = await start(readConfig(process.env))
  await toldToStop
  say('Stopping …')
  await system.stop()
  await tracing?.stop()
  await servers.stop()
  say('Stopped.')
}

try {
  await run()
  process.exit(0)
} catch (error) {
  const isTyped = error instanceof Error && error.name !== 'Error' && error.name !== 'TypeError'
  console.error(isTyped ? error.message : error)
  process.exit(1)
}
