import { Command } from 'commander'
import { request } from '../../client/request.ts'
import { type ApiOptions, type CommandContext, exitCodes, tell, UsageError, withApi } from '../command-context.ts'
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

/** Has events tried again that were put aside. None ever counts twice: those that were applied are skipped. */
export const replayCommand = (context: CommandContext): Command =>
  withApi(
    new Command('replay')
      .description('have events tried again that were put aside')
      .argument('[event...]', 'as provider/event ID')
      .option('--quarantined', 'all that were put aside; the options below narrow it')
      .option('--provider <name>', 'only this provider’s')
      .option('--type <type>', 'only of this type')
      .option('--reason <text>', 'only those whose reason holds this')
      .option('--from <time>', 'only those received since (ISO 8601)')
      .option('--to <time>', 'only those received before (ISO 8601)'),
  ).action(async (events: string[], options: ReplayOptions) => {
    const asked = questionOf(events, options)
    const { apiUrl, apiKey } = await findApi(options, context.env)
    const sum = { replayed: 0, skipped: 0, missing: 0 }
    for (let cursor: string | null = null; ; ) {
      const body: object = cursor === null ? asked : { ...asked, cursor }
      const answer: Replayed | null = await request<Replayed>({ url: apiUrl, apiKey }, { ...replay, body })
      if (answer === null) throw new UsageError(`${apiUrl} replays no events: it is older than this command.`)
      sum.replayed += answer.replayed
      sum.skipped += answer.skipped
      sum.missing += answer.missing
      cursor = answer.nextCursor
      if (cursor === null) break
    }
    tell(context, options, sum, () => wordsOf(sum))
    if (sum.missing > 0) context.endWith(exitCodes.notWell)
  })

const replay = { method: 'POST', path: '/v1/events/replay' } as const

function questionOf(events: readonly string[], options: ReplayOptions): object {
  const { quarantined, provider, type, reason, from, to } = options
  const filter = Object.fromEntries(
    Object.entries({ provider, type, reason, from, to }).filter(([, value]) => value !== undefined),
  )
  const isFiltered = quarantined === true
  if (events.length > 0 === isFiltered || (!isFiltered && Object.keys(filter).length > 0)) {
    throw new UsageError('Name events (provider/ID), or say --quarantined: one of them.')
  }
  return isFiltered ? { filter: { quarantined: true, ...filter } } : { events: events.map(eventKeyOf) }
}

/** The ID may have slashes itself; a provider's name has none. */
function eventKeyOf(given: string): { provider: string; id: string } {
  const [, provider, id] = /^([^/]+)\/(.+)$/s.exec(given) ?? []
  if (provider === undefined || id === undefined) throw new UsageError(`${given} is not provider/ID.`)
  return { provider, id }
}

const wordsOf = ({ replayed, skipped, missing }: Omit<Replayed, 'nextCursor'>): string =>
  [
    `${replayed} tried again`,
    ...(skipped > 0 ? [`${skipped} applied already`] : []),
    ...(missing > 0 ? [`${missing} not there`] : []),
  ].join(', ')
