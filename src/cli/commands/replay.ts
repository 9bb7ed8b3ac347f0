import { Command } from 'commander'
import { request } from '../../client/request.ts'
import {
  type ApiOptions,
  type CommandContext,
  exitCodes,
  printResult,
  UsageError,
  withApi,
} from '../command-context.ts'
import { findApi } from '../target.ts'

interface ReplayOptions extends ApiOptions {
  readonly quarantined?: boolean
  readonly provider?: string
  readonly type?: string
  readonly reason?: string
  readonly from?: string
  readonly to?: string
}

interface Replayed {
  readonly replayed: number
  readonly skipped: number
  readonly missing: number
  readonly nextCursor: string | null
}

/** Applies quarantined events again. Applied events are skipped, so none counts twice. */
export const replayCommand = (context: CommandContext): Command =>
  withApi(
    new Command('replay')
      .description('apply quarantined events again')
      .argument('[event...]', 'provider/event ID')
      .option('--quarantined', 'all quarantined events that match the options below')
      .option('--provider <name>', 'only events of this provider')
      .option('--type <type>', 'only events of this type')
      .option('--reason <text>', 'only events whose reason contains this text')
      .option('--from <time>', 'only events received at or after this time (ISO 8601)')
      .option('--to <time>', 'only events received before this time (ISO 8601)'),
  ).action(async (events: string[], options: ReplayOptions) => {
    const selection = selectionOf(events, options)
    const { apiUrl, apiKey } = await findApi(options, context.env)
    const sum = { replayed: 0, skipped: 0, missing: 0 }
    for (let cursor: string | null = null; ; ) {
      const body: object = cursor === null ? selection : { ...selection, cursor }
      const answer: Replayed | null = await request<Replayed>({ url: apiUrl, apiKey }, { ...replay, body })
      if (answer === null)
        throw new UsageError(`${apiUrl} cannot replay events: its release is older than this command.`)
      sum.replayed += answer.replayed
      sum.skipped += answer.skipped
      sum.missing += answer.missing
      cursor = answer.nextCursor
      if (cursor === null) break
    }
    printResult(context, options, sum, () => sumText(sum))
    if (sum.missing > 0) context.endWith(exitCodes.problemFound)
  })

const replay = { method: 'POST', path: '/v1/events/replay' } as const

function selectionOf(events: readonly string[], options: ReplayOptions): object {
  const { quarantined, provider, type, reason, from, to } = options
  const filter = Object.fromEntries(
    Object.entries({ provider, type, reason, from, to }).filter(([, value]) => value !== undefined),
  )
  const isFiltered = quarantined === true
  if (events.length > 0 === isFiltered || (!isFiltered && Object.keys(filter).length > 0)) {
    throw new UsageError('Name the events to replay (provider/ID), or set --quarantined, but not both.')
  }
  return isFiltered ? { filter: { quarantined: true, ...filter } } : { events: events.map(eventKeyOf) }
}

/** An ID may contain slashes, the name of a provider does not. */
function eventKeyOf(given: string): { provider: string; id: string } {
  const [, provider, id] = /^([^/]+)\/(.+)$/s.exec(given) ?? []
  if (provider === undefined || id === undefined) throw new UsageError(`${given} must be provider/ID.`)
  return { provider, id }
}

const sumText = ({ replayed, skipped, missing }: Omit<Replayed, 'nextCursor'>): string =>
  [
    `${replayed} replayed`,
    ...(skipped > 0 ? [`${skipped} already applied`] : []),
    ...(missing > 0 ? [`${missing} not found`] : []),
  ].join(', ')
