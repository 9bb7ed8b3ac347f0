import { Command } from 'commander'
import {
  AftersendProblemError,
  AftersendUnreachableError,
  type EndpointsClient,
  type PulledOutcome,
  type PulledWebhook,
} from '../../client/index.ts'
import {
  type ApiOptions,
  type CommandContext,
  clientFor,
  printResult,
  UsageError,
  withApi,
} from '../command-context.ts'
import { type ChosenEvents, chosenOf, withChosenEvents } from './endpoints.ts'

interface ListenOptions extends ApiOptions, ChosenEvents {
  readonly forwardTo: string
}

/** Forwards live webhooks to this machine, signed as they would be sent. */
export const listenCommand = (context: CommandContext): Command =>
  withApi(
    withChosenEvents(
      new Command('listen')
        .description('forward live webhooks to this machine, signed, until Ctrl-C; what fails is not repeated')
        .requiredOption('--forward-to <address>', 'such as localhost:4000/webhooks'),
    ),
  ).action(async (options: ListenOptions) => {
    const target = targetOf(options.forwardTo)
    const { endpoints } = await clientFor(options, context)
    const { id, secret } = await endpoints.create({ url: null, ...chosenOf(options), description: 'aftersend listen' })
    try {
      printResult(context, options, { id, secret }, () => `Webhooks are forwarded to ${target}, signed with ${secret}`)
      while (!context.signal.aborted) await forwardNext(context, options, { endpoints, id, target })
    } finally {
      await endpoints.delete(id).catch(ignoreAbsent)
    }
  })

/** A port, a host with a port, or a URL. @throws UsageError */
function targetOf(text: string): string {
  const written = /^\d+$/.test(text) ? `localhost:${text}` : text
  const url = /^https?:\/\//.test(written) ? written : `http://${written}`
  if (URL.canParse(url)) return new URL(url).href
  throw new UsageError('--forward-to must be an address such as localhost:4000/webhooks')
}

interface Listening {
  readonly endpoints: EndpointsClient
  readonly id: string
  readonly target: string
}

/** Whoever pulled and was killed before this acknowledges pulls the same again. */
async function forwardNext(
  context: CommandContext,
  options: ListenOptions,
  { endpoints, id, target }: Listening,
): Promise<void> {
  const pulled = await pullNext(context, endpoints, id)
  const outcomes: PulledOutcome[] = []
  for (const webhook of pulled) {
    if (context.signal.aborted) break
    const outcome = await forward(webhook, target)
    outcomes.push(outcome)
    const { deliveryId, type, headers } = webhook
    const { status, durationMs } = outcome
    const line = {
      at: new Date().toISOString(),
      type,
      webhookId: headers['webhook-id'],
      deliveryId,
      status,
      durationMs,
    }
    printResult(context, options, line, () => lineOf(line))
  }
  if (outcomes.length > 0) await endpoints.acknowledge(id, outcomes)
}

const waitSeconds = 25

async function pullNext(
  { signal, progress }: CommandContext,
  endpoints: EndpointsClient,
  id: string,
): Promise<readonly PulledWebhook[]> {
  try {
    return await endpoints.pull(id, { waitSeconds, signal })
  } catch (error) {
    if (signal.aborted) return []
    if (isAbsent(error)) throw new UsageError('the endpoint of this command was deleted: start it again')
    if (!(error instanceof AftersendUnreachableError)) throw error
    progress.write(`${error.message}. Trying again.\n`)
    return []
  }
}

const isAbsent = (error: unknown): boolean => error instanceof AftersendProblemError && error.status === 404

/** Without the server, the endpoint is deleted by itself after an hour. */
function ignoreAbsent(error: unknown): void {
  if (!isAbsent(error) && !(error instanceof AftersendUnreachableError)) throw error
}

const timeoutMs = 30_000

async function forward({ deliveryId, headers, body }: PulledWebhook, target: string): Promise<PulledOutcome> {
  const startedAt = performance.now()
  const signal = AbortSignal.timeout(timeoutMs)
  const status = await fetch(target, { method: 'POST', headers, body, redirect: 'manual', signal }).then(
    async (response) => {
      await response.body?.cancel()
      return response.status
    },
    () => null,
  )
  return { deliveryId, status, durationMs: Math.round(performance.now() - startedAt) }
}

interface Line {
  readonly at: string
  readonly type: string
  readonly webhookId: string | undefined
  readonly status: number | null
  readonly durationMs: number
}

const lineOf = ({ at, type, webhookId = '', status, durationMs }: Line): string =>
  `${at.slice(11, 23)}  ${type.padEnd(22)}  ${status ?? 'no answer'}  ${durationMs} ms  ${webhookId}`
