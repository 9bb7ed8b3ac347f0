import type { Config } from '../../config.ts'
import { readCredentials } from '../../local/credentials.ts'
import { aisend } from '../../providers/aisend.ts'
import { type ProviderEntry, providerNamed } from '../../providers/registry.ts'
import { probeWebhook } from '../simulate/probe.ts'
import { whyUnanswered } from '../simulate/provider.ts'
import { clockFinding, type Finding, skipped, warning, well, wordsOf, wrong } from './finding.ts'

const answerMs = 5_000

/** Whether the API answers, is ready, takes our key, and tells our time. */
export async function examineApi(apiUrl: string, apiKey: string): Promise<Finding[]> {
  const askedAt = Date.now()
  const health = await ask(`${apiUrl}/healthz`)
  if (!(health instanceof Response)) {
    return [wrong('api', `${apiUrl}: ${health}`, 'start it (aftersend up), or say --url')]
  }
  const tookMs = Date.now() - askedAt
  const toldAt = Date.parse(health.headers.get('date') ?? '')
  const ready = await ask(`${apiUrl}/readyz`)
  const known = await ask(`${apiUrl}/v1/suppressions?limit=1`, { authorization: `Bearer ${apiKey}` })
  return [
    health.ok
      ? well('api', `${apiUrl} answers`)
      : wrong('api', `${apiUrl}/healthz answers ${health.status}`, 'is that Aftersend?'),
    isOk(ready)
      ? well('readiness', 'it reaches PostgreSQL and Temporal')
      : wrong('readiness', `/readyz: ${statusOf(ready)}`, 'look above which of its servers is away, and at its log'),
    isOk(known)
      ? well('api key', 'is taken')
      : wrong('api key', `/v1 answers ${statusOf(known)}`, 'say --key, or put the key into API_KEYS'),
    // The header tells whole seconds: what it cut off is half a second on average.
    ...(Number.isNaN(toldAt) ? [] : [clockFinding('the API', toldAt + 500 - (askedAt + tookMs / 2), 500 + tookMs / 2)]),
  ]
}

const isOk = (answer: Response | string): boolean => answer instanceof Response && answer.ok
const statusOf = (answer: Response | string): string => (answer instanceof Response ? String(answer.status) : answer)

async function ask(url: string, headers: Record<string, string> = {}): Promise<Response | string> {
  try {
    const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(answerMs) })
    await response.arrayBuffer()
    return response
  } catch (error) {
    return whyUnanswered(error)
  }
}

/** A path below `/webhooks/`, with what signs for it. */
interface Signer {
  readonly path: string
  readonly provider: ProviderEntry
  readonly secret: string
}

/** Whether a genuine request comes through to each provider's webhook unchanged. Nothing of it is stored. */
export async function examineWebhooks(publicUrl: string, config: Config): Promise<Finding[]> {
  const signers = await signersOf(config)
  if (signers.length === 0) {
    return [wrong('webhooks', 'no secret is known', 'set AISEND_WEBHOOK_SECRET or another provider’s, or DATA_DIR')]
  }
  return [...plainHttp(publicUrl), ...(await Promise.all(signers.map((signer) => examineWebhook(publicUrl, signer))))]
}

/** What is configured, and what an embedded system generated for all others. */
async function signersOf(config: Config): Promise<Signer[]> {
  const isEmbedded = config.databaseUrl === null || config.temporal.address === null
  const kept = isEmbedded ? await readCredentials(config.dataDir) : null
  const secrets = new Map<string, string>([
    ...(kept ? [[aisend.name, kept.webhookSecret] as const] : []),
    ...Object.entries(kept?.providers ?? {}).map(([name, { signing }]) => [name, signing] as const),
    ...[...config.webhookSecrets].flatMap(([path, [secret]]) =>
      secret === undefined ? [] : [[path, secret] as const],
    ),
  ])
  return [...secrets].flatMap(([path, secret]) => {
    const provider = providerNamed(path.split('/')[0] ?? '')
    return provider ? [{ path, provider, secret }] : []
  })
}

function plainHttp(publicUrl: string): Finding[] {
  const { protocol, hostname } = new URL(publicUrl)
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
  if (protocol === 'https:' || isLocal) return []
  return [
    warning(
      'webhooks',
      `${publicUrl} is plain HTTP: everyone on the way reads along`,
      'put a proxy that ends TLS in front',
    ),
  ]
}

async function examineWebhook(publicUrl: string, { path, provider, secret }: Signer): Promise<Finding> {
  const check = `webhook ${path}`
  const url = `${publicUrl}/webhooks/${path}`
  try {
    provider.sign('{}', secret, Date.now())
  } catch {
    const todo = `send a test event from ${provider.title}'s own settings to ${url}`
    return skipped(check, `only ${provider.title} has what it signs with`, todo)
  }
  try {
    return webhookFinding(check, await probeWebhook(url, secret, provider), provider)
  } catch (error) {
    return wrong(check, wordsOf(error), 'is the public URL right, and the way to it open?')
  }
}

function webhookFinding(check: string, status: number, { variable, title }: ProviderEntry): Finding {
  // It holds no event, so being told so is the proof that it was taken for genuine.
  if (status === 400 || status === 200) return well(check, 'takes what is genuine, bytes unchanged')
  const what = `answers ${status} to a genuine request`
  if (status === 401) {
    return wrong(
      check,
      what,
      `let the server have the same ${variable}, and the proxy before it pass bodies on unchanged`,
    )
  }
  if (status === 404) return wrong(check, what, `set ${variable} on the server, or let the proxy pass /webhooks on`)
  if (status === 503) return warning(check, what, `PostgreSQL is away or slow: ${title} sends it again`)
  return wrong(check, what, 'look at the proxy before it: Aftersend itself answers 400 here')
}
