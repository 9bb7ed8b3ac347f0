import { Command } from 'commander'
import { request } from '../../client/request.ts'
import { type DifferenceReason, differenceReasons } from '../../domain/agreement.ts'
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
import { type RunView, runToEnd, statementText } from '../reconciliation-run.ts'
import { findApi } from '../target.ts'

interface AuditOptions extends ApiOptions {
  readonly provider?: string
  readonly since: string
  readonly dryRun?: boolean
}

interface Difference {
  readonly reason: DifferenceReason
  readonly emailId: string | null
  readonly ours: string | null
  readonly theirs: string | null
  readonly address: string | null
}

/** Compares the ledger with the providers' records, email by email and list by list, and prints a statement for each. */
export const auditCommand = (context: CommandContext): Command =>
  withApi(
    new Command('audit')
      .description(
        'compare every email and both suppression lists with the providers, store what is missing, and print what still differs; exit code 1 if anything does',
      )
      .option(
        '--provider <name>',
        'as emails are stored: sendgrid, or shop:sendgrid for a project; default: all that can be asked',
      )
      .option('--since <time>', 'a duration such as 7d, or an ISO 8601 time', '7d')
      .option('--dry-run', 'compare, and store nothing')
      .action(async (options: AuditOptions) => {
        const { since, dryRun = false } = options
        const at = timeOf(since, Date.now())
        const audits: Audit[] = []
        for (const provider of await providersOf(context, options)) {
          const body = { kind: 'audit', provider, dryRun, since: at }
          const run = await runToEnd(context, options, '/v1/reconciliations', body)
          audits.push({ ...run, remaining: await differencesOf(context, options, run) })
        }
        printResult(context, options, audits, () => audits.map(textOf).join('\n\n'))
        if (
          audits.some(({ failure, statement }) => failure !== null || statement === null || statement.differences > 0)
        ) {
          context.endWith(exitCodes.problemFound)
        }
      }),
  )

async function providersOf(context: CommandContext, options: AuditOptions): Promise<string[]> {
  if (options.provider !== undefined) return [options.provider]
  const { apiUrl, apiKey } = await findApi(options, context.env)
  const call = { path: '/v1/providers', signal: context.signal }
  const answer = await request<{ data: readonly { provider: string }[] }>({ url: apiUrl, apiKey }, call)
  if (answer === null) throw new UsageError(`${apiUrl} cannot audit: its release is older than this command.`)
  if (answer.data.length === 0) throw new UsageError('There is no provider that can be asked: set the key of its API.')
  return answer.data.map(({ provider }) => provider)
}

/** The first of what still differs. The API has all. */
const shownDifferences = 100

interface Audit extends RunView {
  readonly remaining: readonly Difference[]
}

async function differencesOf(
  context: CommandContext,
  options: AuditOptions,
  run: RunView,
): Promise<readonly Difference[]> {
  if (!run.statement?.differences) return []
  const { apiUrl, apiKey } = await findApi(options, context.env)
  const path = `/v1/reconciliations/${encodeURIComponent(run.id)}/differences?limit=${shownDifferences}`
  const page = await request<{ data: readonly Difference[] }>({ url: apiUrl, apiKey }, { path, signal: context.signal })
  return page?.data ?? []
}

function textOf(audit: Audit): string {
  const rows = audit.remaining.map(({ reason, emailId, ours, theirs, address }) => [
    emailId ?? address ?? '(erased)',
    emailId === null ? '' : `here ${ours ?? 'unknown'}, there ${theirs ?? 'unknown'}`,
    differenceReasons[reason] ?? reason,
  ])
  const more = (audit.statement?.differences ?? 0) - rows.length
  return [
    statementText(audit, 'healed'),
    ...(rows.length === 0 ? [] : ['', ...tableOf(rows)]),
    ...(more > 0 ? [`… and ${more} more: GET /v1/reconciliations/${audit.id}/differences`] : []),
  ].join('\n')
}
