/** The program of the separate worker process of ROLE=all, controlled by {@link WorkerSupervisor} in the API's process. */
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from './config.ts'
import { anyFreePort } from './embedded/free-port.ts'
import { createLog } from './log.ts'
import { type System, startSystem } from './system.ts'
import type { Tracing } from './telemetry/tracing.ts'
import { installTemporalRuntime } from './temporal/worker.ts'
import type { MessageFromWorker, MessageToWorker, WorkerSettings } from './worker-supervisor.ts'

const reportEveryMs = 500

interface Started {
  readonly system: System
  readonly tracing: Tracing | null
}

let started: Promise<Started> | null = null

async function start({ databaseUrl, temporalAddress, erasureKey }: WorkerSettings): Promise<Started> {
  const config = readConfig(process.env)
  const log = createLog(config.logLevel)
  const temporalMetricsPort = await anyFreePort()
  installTemporalRuntime(log, temporalMetricsPort)
  const tracing = config.tracing && (await import('./telemetry/start-tracing.ts')).startTracing(config.tracing)
  const { namespace, security } = config.temporal
  const system = await startSystem({
    config: { ...config, role: 'worker' },
    databaseUrl,
    temporal: { address: temporalAddress, namespace, security },
    webhookSecrets: new Map(),
    apiKeys: [],
    erasureKey,
    webUiUrl: null,
    port: 0,
    isSupervised: true,
    temporalMetricsPort,
    tracing,
    log,
  })
  void reportPolling(system)
  return { system, tracing }
}

const send = (message: MessageFromWorker): void => {
  process.send?.(message)
}

async function reportPolling({ isPolling, whenWorking }: System): Promise<void> {
  await whenWorking
  for (let reported = false; ; await sleep(reportEveryMs)) {
    if (isPolling() === reported) continue
    reported = !reported
    send({ type: 'polling', isPolling: reported })
  }
}

async function stop(): Promise<void> {
  const { system, tracing } = (await started) ?? {}
  await system?.stop()
  await tracing?.stop()
  process.exit(0)
}

process.on('message', async (message: MessageToWorker) => {
  if (message.type === 'start') started = start(message.settings)
  else if (message.type === 'stop') await stop()
  else if (started) send({ type: 'metrics', values: await (await started).system.metricValues() })
})

// The API's process ended, and perhaps the embedded servers with it.
process.on('disconnect', () => process.exit(1))

// Terminals and init systems send signals to every process. The API's process stops first, then this one.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
