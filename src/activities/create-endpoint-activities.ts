import { randomUUID } from 'node:crypto'
import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type { Database } from '../db/database.ts'
import { pauseEndpoint, readEndpoint, resumeEndpoint } from '../db/endpoints.ts'
import type { PauseReason } from '../domain/endpoint.ts'
import type { Poster } from '../endpoints/poster.ts'
import { type Sent, serveEndpoint } from '../endpoints/sender.ts'
import { onDatabase } from './database-failure.ts'
import type { Delivered, EndpointActivities } from './endpoint-activities.ts'

export interface EndpointDependencies {
  readonly db: Database
  readonly poster: Poster
  /** See SenderOptions. */
  readonly subscribe: (onChange: () => void) => () => void
  /** Aborted when the worker stops: the endpoints are left to another one. */
  readonly stopping: AbortSignal
  /** How long one call lasts. Default 10 minutes: its history grows by six events with each. */
  readonly lastsMs?: number
}

const defaultLastsMs = 600_000

/** The workflow gives up an attempt without a heartbeat after 10 seconds, and another worker goes on. */
const heartbeatEveryMs = 2_000

export const createEndpointActivities = (dependencies: EndpointDependencies): EndpointActivities => {
  const { db, stopping, lastsMs = defaultLastsMs } = dependencies
  return {
    async deliver({ endpointId }) {
      const signal = AbortSignal.any([stopping, cancellationSignal(), AbortSignal.timeout(lastsMs)])
      const timer = setInterval(heartbeat, heartbeatEveryMs)
      try {
        const sent = await onDatabase('DeliveriesRejected', () =>
          serveEndpoint({ ...dependencies, endpointId, name: randomUUID(), signal }),
        )
        return await onDatabase('EndpointUnreadable', () => endOf(db, endpointId, sent))
      } finally {
        clearInterval(timer)
      }
    },

    async pauseEndpoint({ endpointId, by }) {
      const hasChanged = await onDatabase('EndpointRejected', () =>
        pauseEndpoint(db, endpointId, { reason: 'person', by }),
      )
      return { hasChanged }
    },

    async resumeEndpoint({ endpointId, skip }) {
      return { hasChanged: await onDatabase('EndpointRejected', () => resumeEndpoint(db, endpointId, { skip })) }
    },
  }
}

async function endOf(db: Database, endpointId: string, { delivered, failed }: Sent): Promise<Delivered> {
  const counts = { delivered, failed }
  const endpoint = await readEndpoint(db, endpointId)
  if (endpoint === null) return { end: 'deleted', reason: null, ...counts }
  if (endpoint.url === null) return { end: 'not_posted', reason: null, ...counts }
  if (endpoint.state === 'active') return { end: 'continues', reason: null, ...counts }
  return { end: 'paused', reason: endpoint.pausedReason as PauseReason | null, ...counts }
}
