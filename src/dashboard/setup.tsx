/** The setup page: webhook addresses and traffic of each provider, test events, notification channels. */
import type { Context } from 'koa'
import { z } from 'zod'
import { startNamed } from '../api/reconciliation-runs.ts'
import type { Database } from '../db/database.ts'
import type { Mailbox, Reconciliation } from '../db/generated/client.ts'
import { listMailboxes } from '../db/mailboxes.ts'
import { readLastReconciliations } from '../db/reconciliations.ts'
import { inTime } from '../db/request-deadline.ts'
import { readWebhookTraffic, refusedWithinHours, type WebhookTraffic } from '../db/webhook-minutes.ts'
import { endpointScopes } from '../domain/access.ts'
import { defaultProject } from '../domain/project.ts'
import { name, oneOf, parseInput } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import type { Inbox } from '../inbox/inbox.ts'
import { storedNameOf } from '../providers/accounts.ts'
import type { ProviderEntry, WebhookSource } from '../providers/provider.ts'
import type { ProviderApi } from '../providers/provider-api.ts'
import { apiKeyVariableOf, providers } from '../providers/registry.ts'
import type { Reconciliations } from '../temporal/reconciliations.ts'
import { Allowed } from './components/allowed.tsx'
import { Fact } from './components/fact.tsx'
import { counted } from './components/labels.ts'
import { PageHead } from './components/layout.tsx'
import { MailIntake } from './components/mail-intake.tsx'
import { ApiFacts, Comparisons } from './components/reconciliation.tsx'
import { Table } from './components/table.tsx'
import { Timestamp } from './components/timestamp.tsx'
import { isSecure } from './cookies.ts'
import { readForm, seeOther, sessionOf } from './guards.ts'
import { type PageRenderer, withNotice } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { emailPath } from './paths.ts'
import { canSignTestEvents, receiveTestEvents } from './test-events.ts'

export interface SetupDependencies {
  readonly db: Database
  readonly inbox: Inbox
  readonly pages: PageRenderer
  /** By the path after `/webhooks/`. */
  readonly webhooks: ReadonlyMap<string, WebhookSource>
  /** The senders of MAPPINGS_FILE. */
  readonly mappedProviders: readonly ProviderEntry[]
  /** By the provider's name as it is stored. */
  readonly providerApis: ReadonlyMap<string, ProviderApi>
  readonly reconciliations: Reconciliations
  /** Besides the log. */
  readonly supportChannels: readonly string[]
  /** A sentence on what is taken by SMTP or LMTP. Default null: nothing is. */
  readonly smtpIntake?: string | null
  readonly clock: () => number
}

export function addSetupPage(router: PageRouter, dependencies: SetupDependencies): void {
  const { db, pages, webhooks, inbox, clock } = dependencies

  router.get('/setup', 'read', async (ctx) => {
    const names = new Set([...webhooks.values()].map(storedNameOf))
    const [traffic, runs, mailboxes] = await inTime(() =>
      Promise.all([readWebhookTraffic(db, [...names]), readLastReconciliations(db), listMailboxes(db)]),
    )
    const body = <SetupBody {...dependencies} {...{ traffic, runs, mailboxes }} origin={originOf(ctx)} />
    await pages.show(ctx, { title: 'Setup', section: '/setup', live: '/live', body })
  })

  router.post('/setup/reconcile', 'operate', async (ctx) => {
    const { provider, kind } = parseInput(comparison, (await readForm(ctx)).fields, 'body')
    const since = kind === 'audit' ? clock() - auditedMs : undefined
    await startNamed(dependencies, { provider, kind, since, dryRun: false, by: sessionOf(ctx).name })
    seeOther(ctx, withNotice('/setup', 'comparing'))
  })

  router.post('/setup/test-event', 'operate', async (ctx) => {
    const { path } = parseInput(z.object({ path: z.string() }), (await readForm(ctx)).fields, 'body')
    const source = webhooks.get(path)
    if (!source) throw new Problem(404, 'no webhook is set up at this path')
    const emailId = await receiveTestEvents(source, clock(), inbox)
    seeOther(ctx, emailPath(storedNameOf(source), emailId))
  })
}

const comparison = z.object({ provider: name(64), kind: oneOf(['reconcile', 'audit']).default('reconcile') })

/** What an audit covers that is started here. */
const auditedMs = 7 * 24 * 3_600_000

/** The origin by which the browser reached this server; the provider may use the same. */
const originOf = (ctx: Context): string => `${isSecure(ctx) ? 'https' : 'http'}://${ctx.get('Host')}`

type Settings = Pick<
  SetupDependencies,
  'webhooks' | 'mappedProviders' | 'providerApis' | 'supportChannels' | 'smtpIntake'
>

interface SetupBodyProps extends Settings {
  readonly origin: string
  readonly traffic: ReadonlyMap<string, WebhookTraffic>
  readonly runs: readonly Reconciliation[]
  readonly mailboxes: readonly Mailbox[]
}

const SetupBody = ({
  webhooks,
  mappedProviders,
  providerApis,
  supportChannels,
  origin,
  traffic,
  runs,
  ...mail
}: SetupBodyProps) => (
  <>
    <PageHead title="Setup">
      <Allowed to={endpointScopes}>
        <a class="button" href="/setup/endpoints">
          Endpoints
        </a>
      </Allowed>
      <Allowed to="admin">
        <a class="button" href="/setup/audit">
          Audit log
        </a>
        <a class="button" href="/setup/keys">
          API keys
        </a>
        <a class="button" href="/setup/sessions">
          Sessions
        </a>
      </Allowed>
      <a class="button" href="/docs">
        API reference
      </a>
    </PageHead>
    <section aria-labelledby="webhooks">
      <h2 id="webhooks">Webhooks</h2>
      <div class="stack providers">
        {[...webhooks].map(([path, source]) => {
          const entry = source.entry ?? providers.find(({ name }) => name === source.provider.name)
          const allAccounts = accountCount(webhooks, source) > 1 ? ', all accounts' : ''
          const { lastAt = null, refused = 0 } = traffic.get(storedNameOf(source)) ?? {}
          return (
            <article key={path} class="card provider">
              <div class="card-head">
                <h3>
                  {entry?.title ?? path}
                  {path.includes('/') && <span class="muted"> account {path.split('/')[1]}</span>}
                  {source.project !== undefined && source.project !== defaultProject && (
                    <span class="muted"> of {source.project}</span>
                  )}
                </h3>
                {canSignTestEvents(source) && (
                  <Allowed to="operate">
                    <form method="post" action="/setup/test-event">
                      <input type="hidden" name="path" value={path} />
                      <button type="submit">Send a test event</button>
                    </form>
                  </Allowed>
                )}
              </div>
              <label>
                Webhook address
                <input class="address" readOnly value={`${origin}/webhooks/${path}`} />
              </label>
              <dl class="facts">
                <Fact name="Secrets">{counted(source.secrets.length, 'secret')} set</Fact>
                <Fact name={`Last webhook${allAccounts}`}>
                  {lastAt ? <Timestamp at={lastAt} zone /> : <span class="muted">None recently</span>}
                </Fact>
                {refused > 0 && (
                  <Fact name={`Wrong signatures${allAccounts}`}>
                    {counted(refused, 'webhook')} in the last {refusedWithinHours} hours: compare the secret with the
                    provider’s
                  </Fact>
                )}
                <Fact name="Status lookup">{statusLookup(storedNameOf(source), providerApis)}</Fact>
                <ApiFacts of={providerApis.get(storedNameOf(source))} />
              </dl>
            </article>
          )
        })}
      </div>
    </section>
    <MailIntake smtpIntake={mail.smtpIntake ?? null} mailboxes={mail.mailboxes} />
    <Comparisons apis={providerApis} runs={runs} />
    <OtherProviders webhooks={webhooks} mappedProviders={mappedProviders} />
    <NotificationChannels channels={supportChannels} />
  </>
)

/** Traffic is counted by provider, not by account. */
const accountCount = (webhooks: Settings['webhooks'], of: WebhookSource): number =>
  [...webhooks.values()].filter((source) => storedNameOf(source) === storedNameOf(of)).length

/** Whether the provider's API is asked for the status of an email before a stall is escalated. */
function statusLookup(storedName: string, providerApis: Settings['providerApis']): string {
  const variable = apiKeyVariableOf(storedName)
  if (variable === null) return 'No: Aftersend knows no API for it'
  return providerApis.has(storedName) ? 'Yes' : `No: set ${variable}`
}

function OtherProviders({ webhooks, mappedProviders }: Pick<Settings, 'webhooks' | 'mappedProviders'>) {
  const known = new Set([...webhooks.values()].map(({ provider }) => provider.name))
  const others = [...providers, ...mappedProviders].filter(({ name }) => !known.has(name))
  if (others.length === 0) return null
  return (
    <section aria-labelledby="other-providers">
      <h2 id="other-providers">Other providers</h2>
      <Table columns={['Provider', 'Set this variable']}>
        {others.map(({ name, title, variable }) => (
          <tr key={name}>
            <td class="strong">{title}</td>
            <td>
              <code>{variable}</code>
            </td>
          </tr>
        ))}
      </Table>
    </section>
  )
}

const NotificationChannels = ({ channels }: { channels: readonly string[] }) => (
  <section aria-labelledby="notifications">
    <h2 id="notifications">Notifications</h2>
    <div class="card">
      {channels.length > 0 ? (
        <p>Sent by {channels.join(' and ')}, and written to the log.</p>
      ) : (
        <p>
          Written to the log only. To receive them, set <code>CHANNELS</code>, <code>SUPPORT_WEBHOOK_URL</code> or{' '}
          <code>SUPPORT_EMAIL</code>.
        </p>
      )}
    </div>
  </section>
)
