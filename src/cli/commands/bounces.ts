import { Command } from 'commander'
import { request } from '../../client/request.ts'
import {
  type ApiOptions,
  type CommandContext,
  printResult,
  tableOf,
  timeOf,
  UsageError,
  withApi,
} from '../command-context.ts'
import { findApi } from '../target.ts'

interface RejudgeOptions extends ApiOptions {
  readonly dryRun?: boolean
  readonly since?: string
}

/** Judges stored bounces again. */
export const bouncesCommand = (context: CommandContext): Command =>
  new Command('bounces').description('judge stored bounces again').addCommand(withApi(rejudgeCommand(context)))

interface SuppressionChange {
  readonly address: string
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly rule: string | null
}

interface Rejudged {
  readonly rulesVersion: number
  readonly judged: number
  readonly changed: number
  readonly changes: readonly SuppressionChange[]
}

/** Interrupted, it is to be started again: bounces that are judged already change nothing. */
const rejudgeCommand = (context: CommandContext): Command =>
  new Command('rejudge')
    .description('judge stored bounces by the current rules, and suppress or release their recipients')
    .option('--dry-run', 'print what would change, and change nothing')
    .option('--since <time>', 'only bounces received since then: a duration such as 30d, or an ISO 8601 time')
    .action(async (options: RejudgeOptions) => {
      const { dryRun = false, since } = options
      const { apiUrl, apiKey } = await findApi(options, context.env)
      const selection = { dryRun, ...(since !== undefined && { since: timeOf(since, Date.now()) }) }
      let sum: Rejudged = { rulesVersion: 0, judged: 0, changed: 0, changes: [] }
      for (let cursor: string | null = null; ; ) {
        const body: object = cursor === null ? selection : { ...selection, cursor }
        const call = { method: 'POST', path: '/v1/bounces/rejudge', body, signal: context.signal } as const
        const page: (Rejudged & { nextCursor: string | null }) | null = await request({ url: apiUrl, apiKey }, call)
        if (page === null)
          throw new UsageError(`${apiUrl} cannot judge bounces again: its release is older than this command.`)
        sum = {
          rulesVersion: page.rulesVersion,
          judged: sum.judged + page.judged,
          changed: sum.changed + page.changed,
          changes: [...sum.changes, ...page.changes],
        }
        cursor = page.nextCursor
        if (cursor === null) break
      }
      printResult(context, options, { dryRun, ...sum }, () => textOf(sum, dryRun))
    })

function textOf({ rulesVersion, judged, changed, changes }: Rejudged, dryRun: boolean): string {
  const rows = changes.map(({ address, from, to, reason, rule }) => [address, `${from} → ${to}`, reason, rule ?? '–'])
  const [suppressed, released] = ['suppressed', 'allowed'].map(
    (state) => changes.filter(({ from, to }) => to === state && from !== state).length,
  )
  return [
    ...tableOf([['address', 'suppression', 'reason', 'rule'], ...rows].slice(rows.length === 0 ? 1 : 0)),
    `${judged} ${judged === 1 ? 'bounce' : 'bounces'} judged by version ${rulesVersion} of the rules, ${changed} with a new judgement`,
    `${suppressed} ${suppressed === 1 ? 'address' : 'addresses'} ${dryRun ? 'would be' : 'were'} suppressed, ${released} released.`,
  ].join('\n')
}
