/** Where webhooks go, what is configured, and whether it works. */
import { randomBytes } from 'node:crypto'
import type Router from '@koa/router'
import type { Context } from 'koa'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { parseInput } from '../api/input.ts'
import { Problem } from '../api/problem.ts'
import type { Database } from '../db/database.ts'
import { listEvents } from '../db/events-read.ts'
import { registrationEventType } from '../domain/events.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { WebhookSource } from '../providers/provider.ts'
import { providerNamed } from '../providers/registry.ts'
import { emailPath } from './email-rows.tsx'
import { readForm } from './guards.ts'
import type { Pages } from './pages.tsx'
import { seeOther } from './pages.tsx'
import { isSecure } from './sessions.ts'
import { SetupBody } from './setup-body.tsx'

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

/** Among so many of the newest events the last webhook of each provider is looked for. */
const newestLooked = 500

export function addSetupPage(router: Router, dependencies: SetupDependencies): void {
  const { db, pages, webhooks, inbox, clock } = dependencies

  router.get('/setup', async (ctx) => {
    const lastSeen = await inTime(() => readLastSeen(db))
    const body = <SetupBody {...dependencies} origin={originOf(ctx)} lastSeen={lastSeen} />
    await pages.show(ctx, { title: 'Setup', section: '/setup', live: '/live', body })
  })

  router.post('/setup/test-event', async (ctx) => {
    const { path } = parseInput(z.object({ path: z.string() }), (await readForm(ctx)).fields, 'body')
    const source = webhooks.get(path)
    if (!source || !isTestable(source)) throw new Problem(404, 'no test event is known for this provider')
    const emailId = `test_${randomBytes(6).toString('hex')}`
    for (const type of ['sent', 'delivered'] as const)
      await takeTestEvent(source, { type, emailId, now: clock() }, inbox)
    seeOther(ctx, emailPath(source.provider.name, emailId))
  })
}

/** When each provider's last webhook came, of those among the newest events. */
async function readLastSeen(db: Database): Promise<ReadonlyMap<string, Date>> {
  const events = await listEvents(db, {}, null, newestLooked)
  const lastSeen = new Map<string, Date>()
  for (const { provider, receivedAt, type } of events) {
    if (type !== registrationEventType && !lastSeen.has(provider)) lastSeen.set(provider, receivedAt)
  }
  return lastSeen
}

/** As the browser reached us, which is how the provider may too. */
const originOf = (ctx: Context): string => `${isSecure(ctx) ? 'https' : 'http'}://${ctx.get('Host')}`

/** Providers whose events have the plain shape that ours are written in, signed with what we hold. */
export const isTestable = ({ provider }: WebhookSource): boolean =>
  provider.name === 'aisend' || provider.name === 'standard-webhooks'

/** One event as the provider would send it: signed, verified and read by the code that takes webhooks. */
async function takeTestEvent(
  { provider, secrets }: WebhookSource,
  { type, emailId, now }: { type: string; emailId: string; now: number },
  inbox: Inbox,
): Promise<void> {
  const event = {
    id: `evt_${emailId}_${type}`,
    type: `email.${type}`,
    created_at: new Date(now).toISOString(),
    data: { email_id: emailId, to: 'test@example.com', subject: 'A test from Setup' },
  }
  const request = providerNamed(provider.name)?.sign(JSON.stringify(event), secrets[0] ?? '', now)
  if (!request) throw new Problem(404, 'no test event is known for this provider')
  const rawBody = Buffer.from(request.body)
  if (!(await provider.verify(rawBody, request.headers, secrets))) {
    throw new Problem(
      409,
      'an event signed with the first of the secrets is not accepted: is it a secret of this provider?',
    )
  }
  await inbox.append(provider.parse(rawBody, now, request.headers))
}
