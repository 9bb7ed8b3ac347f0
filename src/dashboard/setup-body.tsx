/** The setup page: every provider, and how support is told. */
import { refusedWithinHours, type WebhookTraffic } from '../db/webhook-minutes.ts'
import type { WebhookSource } from '../providers/provider.ts'
import { type ProviderEntry, providers } from '../providers/registry.ts'
import { PageHead } from './layout.tsx'
import type { SetupDependencies } from './setup.tsx'
import { isTestable } from './test-events.ts'
import { Moment } from './time.tsx'
import { counted } from './words.ts'

type Settings = Pick<SetupDependencies, 'webhooks' | 'providerApis' | 'supportChannels'>

interface SetupBodyProps extends Settings {
  /** Where the browser reached us. */
  readonly origin: string
  readonly traffic: ReadonlyMap<string, WebhookTraffic>
}

export const SetupBody = ({ webhooks, providerApis, supportChannels, origin, traffic }: SetupBodyProps) => (
  <>
    <PageHead title="Setup">
      <a class="button" href="/docs">
        API reference
      </a>
    </PageHead>
    <section aria-labelledby="webhooks">
      <h2 id="webhooks">Webhooks</h2>
      <div class="stack providers">
        {[...webhooks].map(([path, source]) => {
          const entry = providers.find(({ name }) => name === source.provider.name)
          const ofAll = accountsOf(webhooks, source) > 1 ? ' of all accounts' : ''
          const { lastAt = null, refused = 0 } = traffic.get(source.provider.name) ?? {}
          return (
            <article key={path} class="card provider">
              <div class="escalation-head">
                <h3>
                  {entry?.title ?? path}
                  {path.includes('/') && <span class="muted"> account {path.split('/')[1]}</span>}
                </h3>
                {isTestable(source) && (
                  <form method="post" action="/setup/test-event">
                    <input type="hidden" name="path" value={path} />
                    <button type="submit">Send a test event</button>
                  </form>
                )}
              </div>
              <label>
                Webhook address
                <input class="address" readOnly value={`${origin}/webhooks/${path}`} />
              </label>
              <dl class="facts">
                <div>
                  <dt>Secrets</dt>
                  <dd>{counted(source.secrets.length, 'secret')} set</dd>
                </div>
                <div>
                  <dt>Last webhook{ofAll}</dt>
                  <dd>{lastAt ? <Moment at={lastAt} zone /> : <span class="muted">None lately</span>}</dd>
                </div>
                {refused > 0 && (
                  <div>
                    <dt>Wrong signatures{ofAll}</dt>
                    <dd>
                      {counted(refused, 'webhook')} in the last {refusedWithinHours} hours: is the secret the
                      provider’s?
                    </dd>
                  </div>
                )}
                <div>
                  <dt>Asked about stalls</dt>
                  <dd>{askable(entry, providerApis)}</dd>
                </div>
              </dl>
            </article>
          )
        })}
      </div>
    </section>
    <Others webhooks={webhooks} />
    <Support channels={supportChannels} />
  </>
)

/** Webhooks are counted by provider. */
const accountsOf = (webhooks: Settings['webhooks'], { provider }: WebhookSource): number =>
  [...webhooks.values()].filter((source) => source.provider.name === provider.name).length

function askable(entry: ProviderEntry | undefined, providerApis: Settings['providerApis']): string {
  if (!entry?.isAskable) return 'No: it has no way to ask about one email'
  if (providerApis.has(entry.name)) return 'Yes'
  return `No: set ${entry.name.toUpperCase()}_API_KEY`
}

/** What could be set up too. */
function Others({ webhooks }: Pick<Settings, 'webhooks'>) {
  const known = new Set([...webhooks.values()].map(({ provider }) => provider.name))
  const others = providers.filter(({ name }) => !known.has(name))
  if (others.length === 0) return null
  return (
    <section aria-labelledby="others">
      <h2 id="others">Other providers</h2>
      <div class="table-frame">
        <table>
          <thead>
            <tr>
              <th scope="col">Provider</th>
              <th scope="col">To take its webhooks, set</th>
            </tr>
          </thead>
          <tbody>
            {others.map(({ name, title, variable }) => (
              <tr key={name}>
                <td class="strong">{title}</td>
                <td>
                  <code>{variable}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

const Support = ({ channels }: { channels: readonly string[] }) => (
  <section aria-labelledby="support">
    <h2 id="support">How support is told</h2>
    <div class="card">
      {channels.length > 0 ? (
        <p>By {channels.join(' and ')}, and by a line in the log.</p>
      ) : (
        <p>
          By a line in the log only. Set <code>SUPPORT_WEBHOOK_URL</code> or <code>SUPPORT_EMAIL</code> to be called.
        </p>
      )}
    </div>
  </section>
)
