/** `/healthz` and `/readyz`. Public, since orchestrators have no keys. */
import Router from '@koa/router'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { acceptsWrites, pingDatabase } from '../db/reachable.ts'
import type { RouteDescription } from '../http/route.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { flowing, type TemporalStatus } from '../temporal/temporal-status.ts'

const checkDeadlineMs = 1_000

const readiness = z
  .object({
    status: z.enum(['ready', 'not ready']),
    temporalState: z
      .enum(['flowing', 'away', 'refused'])
      .optional()
      .describe('Of an API: `refused` means that Temporal answers but rejects its requests.'),
  })
  .catchall(z.boolean().describe('Whether the part of this name works.'))

/** By the part's name. A check that throws or returns false means that the part does not work. */
type ReadinessChecks = Readonly<Record<string, () => Promise<unknown>>>

/** What a process checks for `/readyz`. */
export interface Readiness {
  /** If one fails, the process is not ready. */
  readonly required: ReadinessChecks
  /** Only reported. */
  readonly reported: ReadinessChecks
  /** Of a process that signals workflows. */
  readonly temporalStatus?: () => TemporalStatus
}

interface ServerParts {
  readonly db: Database
  readonly emailWorkflows: Pick<EmailWorkflows, 'isReachable'>
}

interface ApiParts extends ServerParts {
  readonly temporalStatus?: () => TemporalStatus
  /** Of a worker of the same process; null, the default, if there is none. */
  readonly isWorking?: (() => boolean) | null
}

/**
 * An API is ready when PostgreSQL takes writes: without Temporal it still acknowledges webhooks, so a load balancer must not
 * remove it. See {@link acceptsWrites}.
 */
export function apiReadiness({
  db,
  emailWorkflows,
  temporalStatus = () => flowing,
  isWorking = null,
}: ApiParts): Readiness {
  return {
    required: { postgresql: sharedCheck(() => acceptsWrites(db)) },
    reported: {
      temporal: sharedCheck(
        async () => (await emailWorkflows.isReachable(checkDeadlineMs)) && temporalStatus().state !== 'refused',
      ),
      ...(isWorking && { worker: async () => isWorking() }),
    },
    temporalStatus,
  }
}

/** A worker is ready when it polls and Temporal answers. Activities wait for PostgreSQL by themselves. */
export const workerReadiness = ({ db, emailWorkflows }: ServerParts, isWorking: () => boolean): Readiness => ({
  required: {
    worker: async () => isWorking(),
    temporal: sharedCheck(() => emailWorkflows.isReachable(checkDeadlineMs)),
  },
  reported: { postgresql: sharedCheck(() => pingDatabase(db)) },
})

/** The endpoint is public, so requests within a second share the result of one check, and requests during a check its result. */
const sharedForMs = 1_000

/** @param check must end: while it runs, no other one is started. */
function sharedCheck<T>(check: () => Promise<T>): () => Promise<T> {
  let last: { readonly answer: Promise<T>; until: number } | null = null
  return () => {
    if (last && performance.now() < last.until) return last.answer
    const current = { answer: check(), until: Number.POSITIVE_INFINITY }
    last = current
    const onResult = (result: T | false) => {
      current.until = result === false ? 0 : performance.now() + sharedForMs
    }
    current.answer.then(onResult, () => onResult(false))
    return current.answer
  }
}

/** For the OpenAPI document. Processes without the API serve these too. */
export const healthDescriptions: readonly RouteDescription[] = [
  {
    ...{ method: 'get', path: '/healthz', tag: 'Operations', access: 'anyone' },
    summary: 'Liveness',
    answers: { 200: { description: 'The process responds', schema: z.strictObject({ status: z.literal('alive') }) } },
  },
  {
    ...{ method: 'get', path: '/readyz', tag: 'Operations', access: 'anyone' },
    summary: 'Readiness',
    description:
      'An API is ready when PostgreSQL takes writes; whether Temporal answers is only reported. A worker is ready when it polls.',
    answers: {
      200: { description: 'Ready', schema: readiness },
      503: { description: 'Not ready', schema: readiness },
    },
  },
]

/** `/healthz` checks the process alone: a restart does not help against an unavailable database. */
export function healthRoutes({ required, reported, temporalStatus }: Readiness): Router {
  const router = new Router({ sensitive: true })
  router.get('/healthz', (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: 'alive' }
  })
  router.get('/readyz', async (ctx) => {
    const [results, others] = await Promise.all([resultsOf(required), resultsOf(reported)])
    const ready = Object.values(results).every(Boolean)
    const parts = { ...results, ...others }
    ctx.status = ready ? 200 : 503
    ctx.set('Cache-Control', 'no-store')
    ctx.body = {
      status: ready ? 'ready' : 'not ready',
      ...parts,
      ...(temporalStatus && { temporalState: temporalStateOf(parts['temporal'] === true, temporalStatus()) }),
    }
  })
  return router
}

/** A process that has had nothing to signal notices Temporal's absence only by the check. */
const temporalStateOf = (works: boolean, { state }: TemporalStatus): TemporalStatus['state'] =>
  works ? 'flowing' : state === 'flowing' ? 'away' : state

const resultsOf = async (checks: ReadinessChecks): Promise<Record<string, boolean>> =>
  Object.fromEntries(
    await Promise.all(Object.entries(checks).map(async ([part, check]) => [part, await works(check)] as const)),
  )

/** Any error means that the part does not work. */
async function works(check: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, checkDeadlineMs, false)
  })
  try {
    return (await Promise.race([check(), late])) !== false
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}
