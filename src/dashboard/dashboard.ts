/** The pages at `/`: what a request for one passes, in order. */
import Router from '@koa/router'
import type { Logger } from 'pino'
import type { EventStreams } from '../api/event-streams.ts'
import type { Database } from '../db/database.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { ChangeFeed } from '../live/change-feed.ts'
import type { Lives } from '../temporal/lives.ts'
import { readAssets } from './assets.ts'
import { addEmailPage } from './email.tsx'
import { addEmailListPage } from './emails.tsx'
import { addEscalationPages } from './escalations.tsx'
import { addEventPage } from './event.tsx'
import { addEventPages } from './events.tsx'
import { refuseForeignForms, requireSession, setPageHeaders } from './guards.ts'
import { addLiveRoute } from './live.ts'
import { addOverviewPage } from './overview.tsx'
import { createPages } from './pages.tsx'
import { createSessions } from './sessions.ts'
import { addSetupPage, type SetupDependencies } from './setup.tsx'
import { addSignInRoutes } from './sign-in.tsx'
import { createSignInLimit } from './sign-in-limit.ts'
import { addSuppressionFilePages } from './suppression-import.tsx'
import { addSuppressionPages } from './suppressions.tsx'

export interface DashboardDependencies {
  readonly db: Database
  readonly inbox: Inbox
  readonly lives: Lives
  readonly webhooks: SetupDependencies['webhooks']
  readonly providerApis: SetupDependencies['providerApis']
  readonly supportChannels: SetupDependencies['supportChannels']
  /** Any of them opens the pages. */
  readonly apiKeys: readonly string[]
  /** What open pages are told from. */
  readonly changes: ChangeFeed
  readonly streams: EventStreams
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
  const parts = { ...dependencies, pages, clock }
  addLiveRoute(closed, parts)
  addOverviewPage(closed, parts)
  addEmailListPage(closed, parts)
  addEmailPage(closed, parts)
  addEscalationPages(closed, parts)
  addSuppressionPages(closed, parts)
  addSuppressionFilePages(closed, parts)
  addEventPages(closed, parts)
  addEventPage(closed, parts)
  addSetupPage(closed, parts)
  open.use(closed.routes())
  return open
}
