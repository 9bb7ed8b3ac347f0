import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { request } from '../../client/request.ts'
import {
  type ApiOptions,
  type CommandContext,
  exitCodes,
  printResult,
  tableOf,
  timeOf,
  UsageError,
  withApi,
} from '../command-context.ts'
import { findApi } from '../target.ts'

interface Reconciliation {
  readonly id: string
  readonly provider: string
  readonly from: string
  readonly to: string
  readonly dryRun: boolean
  readonly compared: number
  readonly missing: number
  readonly emails: number
  readonly finishedAt: string | null
  readonly failure: string | null
}

interface ReconcileOptions extends ApiOptions {
  readonly provider: string
  readonly since?: string
  readonly dryRun?: boolean
}

/** Compares a provider's record with ours, and waits until it has finished. */
export const reconcileCommand = (context: CommandContext): Command =>
  withApi(
    new Command('reconcile')
      .description(
        'compare the record of a provider with ours, and store what webhooks have missed; exit code 1 if it failed, or if a dry run found something',
      )
      .requiredOption('--provider <name>', 'as emails are stored: sendgrid, or shop:sendgrid for a project')
      .option('--since <time>', 'a duration such as 24h, or an ISO 8601 time; default: a day ago')
      .option('--dry-run', 'compare, and store nothing')
      .action(async (options: ReconcileOptions) => {
        const run = await finished(context, options, await started(context, options))
        printResult(context, options, run, () => textOf(run))
        if (run.failure !== null || (run.dryRun && run.missing > 0)) context.endWith(exitCodes.problemFound)
      }),
  )

async function started(context: CommandContext, options: ReconcileOptions): Promise<Reconciliation> {
  const { provider, since, dryRun = false } = options
  const { apiUrl, apiKey } = await findApi(options, context.env)
  const body = { provider, dryRun, ...(since !== undefined && { since: timeOf(since, Date.now()) }) }
  const call = { method: 'POST', path: '/v1/reconciliations', body, signal: context.signal } as const
  const run = await request<Reconciliation>({ url: apiUrl, apiKey }, call)
  if (run === null) throw new UsageError(`${apiUrl} cannot reconcile: its release is older than this command.`)
  return run
}

const lookEveryMs = 500

async function finished(
  context: CommandContext,
  options: ReconcileOptions,
  run: Reconciliation,
): Promise<Reconciliation> {
  const { apiUrl, apiKey } = await findApi(options, context.env)
  const path = `/v1/reconciliations?provider=${encodeURIComponent(run.provider)}`
  for (;;) {
    const call = { method: 'GET', path, signal: context.signal } as const
    const answer = await request<{ data: readonly Reconciliation[] }>({ url: apiUrl, apiKey }, call)
    const found = answer?.data.find(({ id }) => id === run.id)
    if (found && found.finishedAt !== null) return found
    if (context.progress.isTTY) context.progress.write(`\r${found?.compared ?? 0} events compared `)
    await sleep(lookEveryMs, undefined, { signal: context.signal })
  }
}

function textOf({ provider, from, to, dryRun, compared, missing, emails, failure }: Reconciliation): string {
  const rows = [
    ['provider', provider],
    ['from', from],
    ['to', to],
    ['compared', `${compared} events`],
    [dryRun ? 'missing' : 'stored now', missing === 0 ? 'none' : `${missing} events of ${emails} emails`],
  ]
  return [...tableOf(rows), ...(failure === null ? [] : [`It ended early: ${failure}`])].join('\n')
}
