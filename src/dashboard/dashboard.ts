/** The pages at `/`: what a request for one passes, in order. */
import Router from '@koa/router'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import type { Lives } from '../temporal/lives.ts'
import { readAssets } from './assets.ts'
import { addEmailPage } from './email.tsx'
import { addEmailListPage } from './emails.tsx'
import { addEscalationPages } from './escalations.tsx'
import { addEventPage } from './event.tsx'
import { refuseForeignForms, requireSession, setPageHeaders } from './guards.ts'
import { createPages, seeOther } from './pages.tsx'
import { createSessions } from './sessions.ts'
import { addSignInRoutes } from './sign-in.tsx'
import { createSignInLimit } from './sign-in-limit.ts'

export interface DashboardDependencies {
  readonly db: Database
  readonly lives: Lives
  /** Any of them opens the pages. */
  readonly apiKeys: readonly string[]
  readonly webUi: WebUi | null
  readonly log: Logger
  /** Epoch milliseconds. Default Date.now. */
  readonly clock?: () => number
}

/** Where Temporal's Web UI is, for links to workflows. */
export interface WebUi {
  readonly url: string
  readonly namespace: string
}

/** The routes of all pages, and of what they are dressed with. */
export function createDashboard(dependencies: DashboardDependencies): Router {
  const { apiKeys, clock = Date.now } = dependencies
  const assets = readAssets()
  const pages = createPages({ ...dependencies, assets })
  const sessions = createSessions(apiKeys, clock)

  const open = new Router({ sensitive: true })
  open.use(setPageHeaders, pages.showProblems, refuseForeignForms)
  assets.addTo(open)
  addSignInRoutes(open, { pages, sessions, limit: createSignInLimit(clock) })

  const closed = new Router({ sensitive: true })
  closed.use(requireSession(sessions))
  closed.get('/', (ctx) => seeOther(ctx, '/emails'))
  const parts = { ...dependencies, pages, clock }
  addEmailListPage(closed, parts)
  addEmailPage(closed, parts)
  addEscalationPages(closed, parts)
  addEventPage(closed, parts)
  open.use(closed.routes())
  return open
}
