/** Where webhooks go, what is configured, and whether it works. */
import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { parseInput } from '../api/input.ts'
import { Problem } from '../api/problem.ts'
import type { Database } from '../db/database.ts'
import { readWebhookTraffic } from '../db/webhook-minutes.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { WebhookSource } from '../providers/provider.ts'
import { emailPath } from './email-rows.tsx'
import { readForm } from './guards.ts'
import type { Pages } from './pages.tsx'
import { seeOther } from './pages.tsx'
import { isSecure } from './sessions.ts'
import { SetupBody } from './setup-body.tsx'
import { takeTestEvents } from './test-events.ts'

export interface SetupDependencies {
  readonly db: Database
  readonly inbox: Inbox
  readonly pages: Pages
  /** By what stands after `/webhooks/`. */
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  /** The providers whose API may be used, by name. */
  readonly providerApis: ReadonlyMap<string, unknown>
  /** How support is told, besides the log. */
  readonly supportChannels: readonly string[]
  readonly clock: () => number
}

export function addSetupPage(router: Router, dependencies: SetupDependencies): void {
  const { db, pages, webhooks, inbox, clock } = dependencies

  router.get('/setup', async (ctx) => {
    const names = new Set([...webhooks.values()].map(({ provider }) => provider.name))
    const traffic = await inTime(() => readWebhookTraffic(db, [...names]))
    const body = <SetupBody {...dependencies} origin={originOf(ctx)} traffic={traffic} />
    await pages.show(ctx, { title: 'Setup', section: '/setup', live: '/live', body })
  })

  router.post('/setup/test-event', async (ctx) => {
    const { path } = parseInput(z.object({ path: z.string() }), (await readForm(ctx)).fields, 'body')
    const source = webhooks.get(path)
    if (!source) throw new Problem(404, 'no webhooks come there')
    const emailId = await takeTestEvents(source, clock(), inbox)
    seeOther(ctx, emailPath(source.provider.name, emailId))
  })
}

/** As the browser reached us, which is how the provider may too. */
const originOf = (ctx: Context): string => `${isSecure(ctx) ? 'https' : 'http'}://${ctx.get('Host')}`
