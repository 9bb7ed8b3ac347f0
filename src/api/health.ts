/** Whether the process lives, and whether it can do its work. Open to all: orchestrators carry no keys. */
import Router from '@koa/router'
import type { Database } from '../db/database.ts'
import { askDatabase } from '../db/reachable.ts'
import type { Lives } from '../temporal/lives.ts'

const checkDeadlineMs = 1_000

/** `/healthz` never looks past the process: a database that is away is no reason to restart it. */
export function healthRoutes({ db, lives }: { readonly db: Database; readonly lives: Lives }): Router {
  const router = new Router({ sensitive: true })
  router.get('/healthz', (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: 'alive' }
  })
  router.get('/readyz', async (ctx) => {
    const [postgresql, temporal] = await Promise.all([
      answers(() => askDatabase(db)),
      answers(() => lives.isReachable(checkDeadlineMs)),
    ])
    const ready = postgresql && temporal
    ctx.status = ready ? 200 : 503
    ctx.set('Cache-Control', 'no-store')
    ctx.body = { status: ready ? 'ready' : 'not ready', postgresql, temporal }
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
