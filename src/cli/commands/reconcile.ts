import { Command } from 'commander'
import {
  type ApiOptions,
  type CommandContext,
  exitCodes,
  printResult,
  tableOf,
  timeOf,
  withApi,
} from '../command-context.ts'
import { type RunView, runToEnd } from '../reconciliation-run.ts'

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
        const { provider, since, dryRun = false } = options
        const body = { provider, dryRun, ...(since !== undefined && { since: timeOf(since, Date.now()) }) }
        const run = await runToEnd(context, options, '/v1/reconciliations', body)
        printResult(context, options, run, () => textOf(run))
        if (run.failure !== null || (run.dryRun && run.missing > 0)) context.endWith(exitCodes.problemFound)
      }),
  )

function textOf({ provider, from, to, dryRun, compared, missing, emails, failure }: RunView): string {
  const rows = [
    ['provider', provider],
    ['from', from],
    ['to', to],
    ['compared', `${compared} events`],
    [dryRun ? 'missing' : 'stored now', missing === 0 ? 'none' : `${missing} events of ${emails} emails`],
  ]
  return [...tableOf(rows), ...(failure === null ? [] : [`It ended early: ${failure}`])].join('\n')
}
