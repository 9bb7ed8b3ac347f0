/** The part of a worker that sends webhooks to applications: deliveries in PostgreSQL → endpoints. */
import { createEndpointActivities } from './activities/create-endpoint-activities.ts'
import { endpointPool } from './db/pools.ts'
import { createAddressGuard } from './endpoints/address-guard.ts'
import { createPoster } from './endpoints/poster.ts'
import { listenForChanges } from './live/change-listener.ts'
import { createSharedListener } from './live/shared-listener.ts'
import { stopStep } from './stopping.ts'
import type { SharedParts, SystemOptions } from './system-options.ts'
import { thisBuildId } from './temporal/deployment.ts'
import { runEndpointWorker } from './temporal/run-endpoint-worker.ts'
import { workerStopsWithinMs } from './temporal/run-worker.ts'

export function startEndpoints(
  { config, temporal, databaseUrl, log }: SystemOptions,
  { pools }: Pick<SharedParts, 'pools'>,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const changes = createSharedListener((onNotification) => listenForChanges({ databaseUrl, log, onNotification }))
  const poster = createPoster({ guard: createAddressGuard(config.endpointAllowedHosts) })
  const activities = createEndpointActivities({
    ...{ db: pools.open(endpointPool), poster, subscribe: changes.subscribe },
    stopping: stopping.signal,
  })
  const worker = runEndpointWorker({
    ...{ target: temporal, activities, log },
    deployment: config.deployment === null ? null : { name: config.deployment, buildId: thisBuildId() },
    onShutdown: () => stopping.abort(),
  })
  return {
    async stop() {
      await stopStep(log, 'endpoints', workerStopsWithinMs, () => worker.stop())
      poster.close()
      await stopStep(log, 'endpoints listener', 1_000, () => changes.close())
    },
  }
}
