import type { Config } from '../../config.ts'
import { readCredentials } from '../../embedded/credentials.ts'
import { messageOf } from '../../errors.ts'
import { aisend } from '../../providers/aisend/webhook.ts'
import type { ProviderEntry } from '../../providers/provider.ts'
import { entryNamed } from '../../providers/registry.ts'
import { probeWebhook } from '../../simulator/probe.ts'
import { fetchErrorText } from '../../simulator/sender.ts'
import { clockFinding, type Finding, skipped, warning, well, wrong } from './finding.ts'

const answerMs = 5_000

/** Checks that the API answers, is ready, accepts the key, and that its clock agrees. */
export async function checkApi(apiUrl: string, apiKey: string): Promise<Finding[]> {
  const requestedAt = Date.now()
  const health = await get(`${apiUrl}/healthz`)
  if (!(health instanceof Response)) {
    return [wrong('api', `${apiUrl}: ${health}`, 'start it (aftersend up), or set --url')]
  }
  const tookMs = Date.now() - requestedAt
  const serverTime = Date.parse(health.headers.get('date') ?? '')
  const ready = await getReadiness(apiUrl)
  const list = await get(`${apiUrl}/v1/suppressions?limit=1`, { authorization: `Bearer ${apiKey}` })
  return [
    health.ok
      ? well('api', `${apiUrl} answers`)
      : wrong('api', `${apiUrl}/healthz answers ${health.status}`, 'check that this is the URL of Aftersend'),
    ready.status === 200
      ? well('readiness', 'PostgreSQL stores its events')
      : wrong(
          'readiness',
          `/readyz: ${ready.status}: PostgreSQL does not store events, so webhooks are refused`,
          'start PostgreSQL; if it runs, check whether it is a standby, read-only or full, and read the log of the API',
        ),
    ...signalsFinding(ready),
    isOk(list)
      ? well('api key', 'is accepted')
      : wrong('api key', `/v1 answers ${statusOf(list)}`, 'set --key, or set API_KEYS to the key of the API'),
    // The Date header has whole seconds, so it is half a second behind on average.
    ...(Number.isNaN(serverTime)
      ? []
      : [clockFinding('the API', serverTime + 500 - (requestedAt + tookMs / 2), 500 + tookMs / 2)]),
  ]
}

interface ReadinessAnswer {
  /** Or why there was no response. */
  readonly status: number | string
  readonly temporalState: string | null
}

async function getReadiness(apiUrl: string): Promise<ReadinessAnswer> {
  try {
    const response = await fetch(`${apiUrl}/readyz`, { redirect: 'manual', signal: AbortSignal.timeout(answerMs) })
    const body = (await response.json().catch(() => ({}))) as { temporal?: unknown; temporalState?: unknown }
    // An API of an earlier release has only `temporal`.
    const state = body.temporalState ?? (body.temporal === false ? 'away' : null)
    return { status: response.status, temporalState: typeof state === 'string' ? state : null }
  } catch (error) {
    return { status: fetchErrorText(error), temporalState: null }
  }
}

/** Whether Temporal accepts the API's signals. The API may have another key or connection than this command. */
function signalsFinding({ temporalState }: ReadinessAnswer): Finding[] {
  const check = 'signals to Temporal'
  if (temporalState === null) return []
  if (temporalState === 'flowing') return [well(check, 'Temporal accepts them')]
  if (temporalState === 'refused') {
    return [
      wrong(
        check,
        'Temporal refuses the signals of the API: events are pending in PostgreSQL',
        'check the key (TEMPORAL_API_KEY, TLS), the namespace and the search attributes of the API; Overview on its ' +
          'dashboard shows the answer of Temporal',
      ),
    ]
  }
  return [
    wrong(
      check,
      'the API does not reach Temporal: webhooks are accepted, and events are pending in PostgreSQL',
      'start Temporal, or correct TEMPORAL_ADDRESS of the API',
    ),
  ]
}

const isOk = (answer: Response | string): boolean => answer instanceof Response && answer.ok
const statusOf = (answer: Response | string): string => (answer instanceof Response ? String(answer.status) : answer)

async function get(url: string, headers: Record<string, string> = {}): Promise<Response | string> {
  try {
    const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(answerMs) })
    await response.arrayBuffer()
    return response
  } catch (error) {
    return fetchErrorText(error)
  }
}

/** A path below `/webhooks/`, with the secret that signs for it. */
interface Signer {
  readonly path: string
  readonly provider: ProviderEntry
  readonly secret: string
}

/** Posts a genuine request to each provider's webhook, and checks that it arrives unchanged. Nothing is stored. */
export async function checkWebhooks(publicUrl: string, config: Config): Promise<Finding[]> {
  const signers = await signersOf(config)
  if (signers.length === 0) {
    return [wrong('webhooks', 'no secret is set', 'set AISEND_WEBHOOK_SECRET or that of another provider, or DATA_DIR')]
  }
  return [...plainHttp(publicUrl), ...(await Promise.all(signers.map((signer) => checkWebhook(publicUrl, signer))))]
}

/** The configured secrets, and for the other providers those that an embedded system generated. */
async function signersOf(config: Config): Promise<Signer[]> {
  const isEmbedded = config.databaseUrl === null || config.temporal.address === null
  const generated = isEmbedded ? await readCredentials(config.dataDir) : null
  const secrets = new Map<string, string>([
    ...(generated ? [[aisend.name, generated.webhookSecret] as const] : []),
    ...Object.entries(generated?.providers ?? {}).map(([name, { signing }]) => [name, signing] as const),
    ...[...config.webhookSecrets].flatMap(([path, [secret]]) =>
      secret === undefined ? [] : [[path, secret] as const],
    ),
  ])
  return [...secrets].flatMap(([path, secret]) => {
    const provider = entryNamed(path.split('/')[0] ?? '', config.mappedProviders)
    return provider ? [{ path, provider, secret }] : []
  })
}

function plainHttp(publicUrl: string): Finding[] {
  const { protocol, hostname } = new URL(publicUrl)
  const isLocal = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
  if (protocol === 'https:' || isLocal) return []
  return [
    warning('webhooks', `${publicUrl} is plain HTTP: others can read the webhooks`, 'put a proxy with TLS in front'),
  ]
}

async function checkWebhook(publicUrl: string, { path, provider, secret }: Signer): Promise<Finding> {
  const check = `webhook ${path}`
  const url = `${publicUrl}/webhooks/${path}`
  try {
    provider.sign('{}', secret, Date.now())
  } catch {
    const todo = `send a test event from the settings of ${provider.title} to ${url}`
    return skipped(check, `only ${provider.title} has the key to sign`, todo)
  }
  try {
    return webhookFinding(check, await probeWebhook(url, secret, provider), provider)
  } catch (error) {
    return wrong(check, messageOf(error), 'check that the public URL is right and can be reached')
  }
}

function webhookFinding(check: string, status: number, { variable, title }: ProviderEntry): Finding {
  // The request contains no event. 400, of Mailgun 406, proves that its signature was accepted.
  if ([200, 400, 406].includes(status)) return well(check, 'accepts a genuine request, which arrives unchanged')
  const what = `answers ${status} to a genuine request`
  if (status === 401) {
    return wrong(
      check,
      what,
      `set the same ${variable} on the server, and let the proxy before it pass on bodies unchanged`,
    )
  }
  if (status === 404) return wrong(check, what, `set ${variable} on the server, or let the proxy pass on /webhooks`)
  if (status === 503)
    return warning(check, what, `check that PostgreSQL runs and is not slow; ${title} retries meanwhile`)
  return wrong(check, what, 'check the proxy before it: Aftersend itself would answer 400')
}
