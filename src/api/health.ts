/** Whether the process lives, and whether it can do its work. Open to all: orchestrators carry no keys. */
import Router from '@koa/router'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { askDatabase } from '../db/reachable.ts'
import type { Lives } from '../temporal/lives.ts'
import type { RouteDescription } from './route.ts'

const checkDeadlineMs = 1_000

const readiness = z
  .object({ status: z.enum(['ready', 'not ready']) })
  .catchall(z.boolean().describe('Whether a part of this name is there.'))

/** What a process needs to do its work, by name; a check that fails or answers false says that the part is not there. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<unknown>>>

/** The servers that every process needs. */
export const serverChecks = ({ db, lives }: { readonly db: Database; readonly lives: Pick<Lives, 'isReachable'> }) =>
  ({
    postgresql: () => askDatabase(db),
    temporal: () => lives.isReachable(checkDeadlineMs),
  }) satisfies ReadinessChecks

/** For the document: a process without the API serves these too. */
export const healthDescriptions: readonly RouteDescription[] = [
  {
    ...{ method: 'get', path: '/healthz', tag: 'Operations', access: 'anyone' },
    summary: 'Whether the process lives',
    answers: { 200: { description: 'It does', schema: z.strictObject({ status: z.literal('alive') }) } },
  },
  {
    ...{ method: 'get', path: '/readyz', tag: 'Operations', access: 'anyone' },
    summary: 'Whether it can do its work',
    answers: {
      200: { description: 'It can', schema: readiness },
      503: { description: 'It cannot', schema: readiness },
    },
  },
]

/** `/healthz` never looks past the process: a database that is away is no reason to restart it. */
export function healthRoutes(checks: ReadinessChecks): Router {
  const router = new Router({ sensitive: true })
  router.get('/healthz', (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: 'alive' }
  })
  router.get('/readyz', async (ctx) => {
    const parts = await Promise.all(
      Object.entries(checks).map(async ([part, check]) => [part, await answers(check)] as const),
    )
    const ready = parts.every(([, isThere]) => isThere)
    ctx.status = ready ? 200 : 503
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: ready ? 'ready' : 'not ready', ...Object.fromEntries(parts) }
  })
  return router
}

/** An error is the answer here: whatever it is, the part cannot be worked with. */
async function answers(check: () => Promise<unknown>): Promise<boolean> {
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
