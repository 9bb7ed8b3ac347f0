/** Starts a run that compares with a provider, and waits until it has finished. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AftersendProblemError } from '../client/errors.ts'
import { type ConnectionOptions, request } from '../client/request.ts'
import { type DifferenceReason, differenceReasons } from '../domain/agreement.ts'
import { type ApiOptions, type CommandContext, tableOf, UsageError } from './command-context.ts'
import { findApi } from './target.ts'

/** As the API returns it. */
export interface RunView {
  readonly id: string
  readonly provider: string
  readonly from: string
  readonly to: string
  readonly dryRun: boolean
  readonly compared: number
  readonly missing: number
  readonly emails: number
  readonly statement: StatementView | null
  readonly finishedAt: string | null
  readonly failure: string | null
}

interface StatementView {
  readonly emails: AgreementView | null
  readonly addresses: AgreementView | null
  readonly differences: number
}

interface AgreementView {
  readonly compared: number
  readonly equal: number
  readonly healed: number
  readonly different: Readonly<Partial<Record<DifferenceReason, number>>>
}

/** A run of the schedule may be under way, and another one may begin before ours. */
const conflictLimit = 5

/**
 * @param path of the request that starts it; waits while another run of the provider is under way.
 * @throws UsageError if the server's release is older than this command.
 */
export async function runToEnd(
  context: CommandContext,
  options: ApiOptions,
  path: string,
  body: { readonly provider: string; readonly [field: string]: unknown },
): Promise<RunView> {
  const { apiUrl, apiKey } = await findApi(options, context.env)
  const api = { url: apiUrl, apiKey }
  for (let attempt = 1; ; attempt += 1) {
    try {
      const call = { method: 'POST', path, body, signal: context.signal } as const
      const run = known(await request<RunView>(api, call), apiUrl)
      return await finished(context, api, run.id)
    } catch (error) {
      const isConflict = error instanceof AftersendProblemError && error.status === 409
      if (!isConflict || attempt === conflictLimit) throw error
      await otherFinished(context, api, body.provider)
    }
  }
}

const lookEveryMs = 500

async function finished(context: CommandContext, api: ConnectionOptions, id: string): Promise<RunView> {
  const path = `/v1/reconciliations/${encodeURIComponent(id)}`
  for (;;) {
    const run = known(await request<RunView>(api, { path, signal: context.signal }), api.url)
    if (run.finishedAt !== null) return run
    if (context.progress.isTTY) context.progress.write(`\r${progressOf(run)} `)
    await sleep(lookEveryMs, undefined, { signal: context.signal })
  }
}

const progressOf = ({ compared, statement }: RunView): string =>
  statement?.emails ? `${statement.emails.compared} emails compared` : `${compared} events compared`

async function otherFinished(context: CommandContext, api: ConnectionOptions, provider: string): Promise<void> {
  const path = `/v1/reconciliations?limit=1&provider=${encodeURIComponent(provider)}`
  const list = known(await request<{ data: readonly RunView[] }>(api, { path, signal: context.signal }), api.url)
  const [other] = list.data
  if (other && other.finishedAt === null) await finished(context, api, other.id)
}

function known<T>(answer: T | null, url: string): T {
  if (answer === null) throw new UsageError(`${url} cannot do this: its release is older than this command.`)
  return answer
}

/** What a run has found. @param healed the heading of what does not differ any more. */
export function statementText({ provider, from, to, statement, failure }: RunView, healed: string): string {
  const parts = [
    ['emails', statement?.emails],
    ['addresses', statement?.addresses],
  ] as const
  const rows = parts.flatMap(([name, part]) => (part ? [{ name, part, differing: countOf(part) }] : []))
  const counts = rows.map(({ name, part, differing }) =>
    [name, part.compared, part.equal, part.healed, differing].map((cell) => cell.toLocaleString('en')),
  )
  const reasons = rows.flatMap(({ name, part }) =>
    Object.entries(part.different).map(([reason, count]) => [
      name,
      count.toLocaleString('en'),
      differenceReasons[reason as DifferenceReason] ?? reason,
    ]),
  )
  return [
    `${provider}, ${from} to ${to}`,
    ...tableOf([['', 'compared', 'equal', healed, 'different'], ...counts]),
    ...(reasons.length === 0 ? [] : ['', 'Still different:', ...tableOf(reasons).map((line) => `  ${line}`)]),
    ...(failure === null ? [] : [`It ended early: ${failure}`]),
  ].join('\n')
}

const countOf = ({ different }: AgreementView): number =>
  Object.values(different).reduce((sum, count) => sum + count, 0)
