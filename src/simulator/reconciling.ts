/** Has Aftersend compare its record with the stand-in's, through `/v1/reconciliations`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AftersendProblemError, AftersendUnreachableError } from '../client/errors.ts'
import { request } from '../client/request.ts'
import { ConfigurationError } from '../errors.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import type { ProviderStandIn } from '../stand-ins/stand-in.ts'
import type { Target } from './options.ts'

/** As `/v1/reconciliations` answers it. */
export interface Reconciliation {
  readonly id: string
  readonly compared: number
  readonly missing: number
  readonly emails: number
  readonly finishedAt: string | null
  readonly failure: string | null
}

interface Asked {
  readonly target: Pick<Target, 'apiUrl' | 'apiKey'>
  readonly provider: ProviderEntry
  readonly timeoutMs: number
}

const lookEveryMs = 1_000

/** Another run, or a server that is busy or away. */
const mayPass = (error: unknown): boolean =>
  error instanceof AftersendUnreachableError ||
  (error instanceof AftersendProblemError && [409, 503].includes(error.status))

/**
 * Compares from `since` on, in epoch milliseconds, and waits until that is done.
 * @throws ConfigurationError if it does not end in time, or ends early.
 */
export async function reconcile(asked: Asked, since: number): Promise<Reconciliation> {
  const endsAt = Date.now() + asked.timeoutMs
  const started = await start(asked, { since, isDryRun: false }, endsAt)
  const run = await finished(asked, started.id, endsAt)
  if (run.failure !== null) throw new ConfigurationError(`Aftersend stopped reconciling: ${run.failure}`)
  return run
}

/**
 * Checks that Aftersend asks the stand-in, by a comparison of one minute that stores nothing.
 * @param settings that the message names.
 * @throws ConfigurationError if it asks another API, or none.
 */
export async function checkAsksStandIn(
  asked: Asked,
  standIn: Pick<ProviderStandIn, 'requestCount'>,
  delayMs: number,
  settings: string,
): Promise<void> {
  const before = standIn.requestCount()
  const endsAt = Date.now() + asked.timeoutMs
  const { title } = asked.provider
  const since = Date.now() - delayMs - 60_000
  const { id } = await start(asked, { since, isDryRun: true }, endsAt).catch((error) => {
    if (!(error instanceof AftersendProblemError && error.status === 400)) throw error
    throw new ConfigurationError(`Aftersend does not ask ${title}: start it with ${settings}`)
  })
  const { failure } = await finished(asked, id, endsAt)
  if (standIn.requestCount() === before) {
    throw new ConfigurationError(`Aftersend asks another API of ${title} than the stand-in: start it with ${settings}`)
  }
  if (failure !== null) throw new ConfigurationError(`${failure}. Start Aftersend with ${settings}`)
}

/** Waits for a run that is under way: there is one at a time. */
async function start(
  { target: { apiUrl: url, apiKey }, provider }: Asked,
  { since, isDryRun }: { readonly since: number; readonly isDryRun: boolean },
  endsAt: number,
): Promise<Reconciliation> {
  const body = { provider: provider.name, since: new Date(since).toISOString(), dryRun: isDryRun }
  for (;;) {
    try {
      const run = await request<Reconciliation>({ url, apiKey }, { method: 'POST', path: '/v1/reconciliations', body })
      if (run === null) throw new ConfigurationError(`${url} cannot reconcile: its release is older than this command`)
      return run
    } catch (error) {
      if (!mayPass(error) || Date.now() + lookEveryMs > endsAt) throw error
      await sleep(lookEveryMs)
    }
  }
}

async function finished({ target, provider, timeoutMs }: Asked, id: string, endsAt: number): Promise<Reconciliation> {
  const path = `/v1/reconciliations?provider=${encodeURIComponent(provider.name)}`
  for (;;) {
    const options = { url: target.apiUrl, apiKey: target.apiKey }
    const answer = await request<{ readonly data: readonly Reconciliation[] }>(options, { path }).catch((error) => {
      if (!mayPass(error)) throw error
      return null
    })
    const run = answer?.data.find((each) => each.id === id)
    if (run && run.finishedAt !== null) return run
    if (Date.now() + lookEveryMs > endsAt) {
      const seconds = Math.round(timeoutMs / 1_000)
      throw new ConfigurationError(
        `Aftersend has not compared its record with ${provider.title}’s within ${seconds} s: check that a worker runs, or set --timeout`,
      )
    }
    await sleep(lookEveryMs)
  }
}
