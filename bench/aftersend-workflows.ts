/** Aftersend as bench/lifecycles.ts measures it: inbox, workflow and activities on PostgreSQL; only HTTP is left out. */
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { pino } from 'pino'
import { createActivities } from '../src/activities/create-activities.ts'
import { readConfig } from '../src/config.ts'
import { createDatabase } from '../src/db/database.ts'
import { readInboxFigures } from '../src/db/events.ts'
import { createInbox } from '../src/inbox/create-inbox.ts'
import type { Inbox } from '../src/inbox/inbox.ts'
import { createMetrics } from '../src/metrics.ts'
import type { SupportChannel } from '../src/notifications/channel.ts'
import { createLogChannel } from '../src/notifications/channels.ts'
import { connectWorker, type TemporalTarget } from '../src/temporal/connection.ts'
import { createTemporalEmailWorkflows } from '../src/temporal/temporal-email-workflows.ts'
import { createLifecycleWorker, type LifecycleWorkerOptions } from '../src/temporal/worker.ts'
import { Applied } from './applied.ts'
import { benchEvent } from './bench-event.ts'
import type { Contestant } from './lifecycles.ts'

export type WorkerVariation = Pick<LifecycleWorkerOptions, 'taskQueue' | 'workflowSlots'> & {
  /** Where notices go. Default: a log that keeps nothing. */
  readonly channels?: readonly SupportChannel[]
}

/** What is measured, and its inbox for what is more than an event's type. */
export interface RunningAftersend extends Contestant {
  readonly inbox: Inbox
}

const log = pino({ level: 'silent' })

/** @param databaseUrl of a migrated database. */
export async function startAftersendLives(
  target: TemporalTarget,
  client: Client,
  databaseUrl: string,
  { taskQueue = `bench-${randomUUID()}`, workflowSlots, channels = [createLogChannel(log)] }: WorkerVariation = {},
): Promise<RunningAftersend> {
  const applied = new Applied()
  const db = createDatabase({ url: databaseUrl, poolSize: 20 })
  const metrics = createMetrics(() => readInboxFigures(db))
  const activities = createActivities({ db, channels, providerApis: new Map(), metrics })
  const connection = await connectWorker(target)
  const worker = await createLifecycleWorker({
    connection,
    namespace: target.namespace,
    taskQueue,
    ...(workflowSlots && { workflowSlots }),
    activities: {
      ...activities,
      async saveSnapshot(save) {
        const result = await activities.saveSnapshot(save)
        if (result.outcome === 'saved') applied.add(save.eventIds.length)
        return result
      },
    },
  })
  const running = worker.run()
  const emailWorkflows = createTemporalEmailWorkflows({ client, taskQueue, policy: readConfig({}).policy })
  const inbox = createInbox({ db, emailWorkflows, metrics, log })
  return {
    applied,
    inbox,
    send: async (events) =>
      void (await Promise.all(events.map(({ type, emailId }) => inbox.append([benchEvent(type, emailId)])))),
    async stop() {
      await inbox.close()
      worker.shutdown()
      await running
      await connection.close()
      await db.$disconnect()
    },
  }
}
