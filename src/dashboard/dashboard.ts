/** The pages at `/`, and the middleware in front of them. */
import Router from '@koa/router'
import type { Middleware } from 'koa'
import type { Logger } from 'pino'
import { createKeyRing } from '../api/key-ring.ts'
import { createProjectParts, type ProjectAccess } from '../api/project-parts.ts'
import type { Database } from '../db/database.ts'
import { type Dns, noDns } from '../domains/dns.ts'
import { type AddressGuard, createAddressGuard } from '../endpoints/address-guard.ts'
import { fixedKeys, type KeyRing } from '../http/api-key.ts'
import type { EventStreams } from '../http/event-streams.ts'
import { createFailedKeys } from '../http/failed-keys.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { ChangeFeed } from '../live/change-feed.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { type EndpointWorkflows, noEndpointWorkflows } from '../temporal/endpoints.ts'
import { noReconciliations, type Reconciliations } from '../temporal/reconciliations.ts'
import { flowing, type TemporalStatus } from '../temporal/temporal-status.ts'
import { readAssets } from './assets.ts'
import { addAuditPage } from './audit.tsx'
import { addDomainPages } from './domains.tsx'
import { addEmailPage, type WebUi } from './email.tsx'
import { addEmailListPage } from './emails.tsx'
import { addEndpointPage } from './endpoint.tsx'
import { addEndpointListPage } from './endpoints.tsx'
import { addEscalationPages } from './escalations.tsx'
import { addEventPage } from './event.tsx'
import { addEventPages } from './events.tsx'
import { refuseCrossSiteForms, requireSession, sessionOf, setPageHeaders } from './guards.ts'
import { addKeyPages } from './keys.tsx'
import { addLiveRoute } from './live.ts'
import type { OpenIdProvider } from './openid-provider.ts'
import { addOpenIdRoutes } from './openid-sign-in.tsx'
import { addOverviewPage } from './overview.tsx'
import { createPageRenderer } from './page-renderer.tsx'
import { createPageRouter } from './page-router.ts'
import { createPersonLinks, type PersonLinks } from './person-links.ts'
import { addRecipientPages } from './recipients.tsx'
import { addSessionPages } from './session-pages.tsx'
import { createSessions } from './sessions.ts'
import { addSetupPage, type SetupDependencies } from './setup.tsx'
import { addSignInRoutes } from './sign-in.tsx'
import { addSuppressionFilePages } from './suppression-import.tsx'
import { addSuppressionPages } from './suppressions.tsx'

export interface DashboardDependencies {
  readonly db: Database
  readonly inbox: Inbox
  readonly emailWorkflows: EmailWorkflows
  readonly webhooks: SetupDependencies['webhooks']
  /** The senders of MAPPINGS_FILE. Default: none. */
  readonly mappedProviders?: SetupDependencies['mappedProviders']
  readonly providerApis: SetupDependencies['providerApis']
  readonly supportChannels: SetupDependencies['supportChannels']
  readonly smtpIntake?: string | null
  /** Default: none can be started. */
  readonly reconciliations?: Reconciliations
  /** Default: none can be started. */
  readonly endpointWorkflows?: EndpointWorkflows
  /** Where webhooks may be sent to. Default: public addresses, by https. */
  readonly endpointGuard?: Pick<AddressGuard, 'checkedUrl'>
  /** Asked for what sending domains publish. Default: DNS is not asked. */
  readonly dns?: Dns
  /** Keys of the environment; named keys are in the database. */
  readonly apiKeys: readonly string[]
  /** How people sign in. Default: with keys. */
  readonly signIn?: { readonly withKeys: boolean; readonly openId: OpenIdProvider | null }
  /** See `clientAddressOf`. Default 1. */
  readonly proxyHops?: number
  /** The source of live updates. */
  readonly changes: ChangeFeed
  readonly streams: EventStreams
  /** Default: {@link flowing}. */
  readonly temporalStatus?: () => TemporalStatus
  readonly webUi: WebUi | null
  /** Null, the default: there is one project. */
  readonly projects?: ProjectAccess | null
  readonly log: Logger
  /** Epoch milliseconds. Default Date.now. */
  readonly clock?: () => number
}

type DashboardParts = DashboardDependencies &
  Required<
    Pick<
      DashboardDependencies,
      'temporalStatus' | 'clock' | 'reconciliations' | 'endpointWorkflows' | 'endpointGuard' | 'dns' | 'mappedProviders'
    >
  > & {
    readonly receiptDb: Database
    readonly assets: ReturnType<typeof readAssets>
    readonly people: PersonLinks
    /** To sign in with; null: nobody does. */
    readonly keys: KeyRing | null
  }

/** Wrong keys of one address at the sign-in: ten at once, then one in 30 seconds. */
const signInLimit = { burst: 10, refillMs: 30_000 }

/** The routes of all pages and their assets. */
export function createDashboard(dependencies: DashboardDependencies): Router {
  const { db, apiKeys, signIn = { withKeys: true, openId: null }, proxyHops = 1, clock = Date.now, log } = dependencies
  const { withKeys, openId: provider } = signIn
  const assets = readAssets()
  const pages = createPageRenderer({ ...dependencies, assets })
  const keys = withKeys ? createKeyRing(db, apiKeys, clock) : null
  const sessions = createSessions({
    db,
    keys: keys ?? fixedKeys([]),
    allowsOpenId: provider !== null,
    proxyHops,
    clock,
  })
  const failedKeys = createFailedKeys({ ...signInLimit, proxyHops, clock })
  const signingIn = { pages, sessions, keys, failedKeys, openIdHost: provider?.host ?? null }

  const router = new Router({ sensitive: true })
  router.use(setPageHeaders, pages.showProblems, refuseCrossSiteForms)
  assets.addTo(router)
  addSignInRoutes(router, signingIn)
  if (provider) addOpenIdRoutes(router, { ...signingIn, provider, log })

  const people = createPersonLinks(apiKeys)
  const whole = {
    temporalStatus: () => flowing,
    reconciliations: noReconciliations,
    endpointWorkflows: noEndpointWorkflows,
    endpointGuard: createAddressGuard([]),
    dns: noDns,
    mappedProviders: [],
    ...dependencies,
    receiptDb: db,
    assets,
    people,
    keys,
    clock,
  }
  const partsOf = createProjectParts(whole, dependencies.projects ?? null)
  router.use(pagesWith(partsOf(null), requireSession(sessions), toPagesOf(partsOf)))
  return router
}

type PartsOf = ReturnType<typeof createProjectParts<DashboardParts>>
type Pages = ReturnType<Router['routes']>

/** Passes who belongs to a project to its pages, which are composed when the first of them comes. */
function toPagesOf(partsOf: PartsOf): Middleware {
  const known = new Map<string, Pages>()
  return (ctx, next) => {
    const { project } = sessionOf(ctx)
    if (project === null) return next()
    const pages = known.get(project) ?? pagesWith(partsOf(project))
    known.set(project, pages)
    return pages(ctx as never, next)
  }
}

function pagesWith(composed: ReturnType<PartsOf>, ...before: Middleware[]): Pages {
  const parts = { ...composed, pages: createPageRenderer(composed) }
  const router = new Router({ sensitive: true })
  if (before.length > 0) router.use(...before)
  const signedIn = createPageRouter(router)
  addLiveRoute(signedIn, parts)
  addOverviewPage(signedIn, parts)
  addEmailListPage(signedIn, parts)
  addEmailPage(signedIn, parts)
  addRecipientPages(signedIn, parts)
  addEscalationPages(signedIn, parts)
  addSuppressionPages(signedIn, parts)
  addSuppressionFilePages(signedIn, parts)
  addEventPages(signedIn, parts)
  addEventPage(signedIn, parts)
  addDomainPages(signedIn, parts)
  addSetupPage(signedIn, parts)
  addKeyPages(signedIn, parts)
  addEndpointListPage(signedIn, parts)
  addEndpointPage(signedIn, parts)
  addSessionPages(signedIn, parts)
  addAuditPage(signedIn, parts)
  return router.routes()
}
