import { Command, Option } from 'commander'
import type { Endpoint, EndpointsClient, NewEndpoint, WebhookEventType } from '../../client/index.ts'
import {
  type ApiOptions,
  type CommandContext,
  clientFor,
  exitCodes,
  printResult,
  tableOf,
  timeOf,
  UsageError,
  withApi,
} from '../command-context.ts'

/** Sets up and looks after what receives webhooks. Needs a key with the scope `endpoints`; `operate` is enough for what creates and changes none. */
export const endpointsCommand = (context: CommandContext): Command => {
  const command = new Command('endpoints').description('set up what receives webhooks, look at its attempts, replay')
  const add = (below: Command, isDefault = false) => command.addCommand(withApi(below), { isDefault })
  add(listCommand(context), true)
  add(createCommand(context))
  for (const change of changes) add(changeCommand(context, change))
  add(resumeCommand(context))
  add(rotateCommand(context))
  add(attemptsCommand(context))
  add(replayCommand(context))
  return command
}

const endpointsOf = async (options: ApiOptions, context: CommandContext): Promise<EndpointsClient> =>
  (await clientFor(options, context)).endpoints

const listCommand = (context: CommandContext): Command =>
  new Command('list').description('list the endpoints, the newest first').action(async (options: ApiOptions) => {
    const data = await (await endpointsOf(options, context)).list()
    printResult(context, options, data, () => listText(data))
  })

function listText(endpoints: readonly Endpoint[]): string {
  if (endpoints.length === 0) return 'There are no endpoints.'
  const rows = endpoints.map(({ id, url, state, pausedReason, failingSince, pending, eventTypes }) => [
    ...[id, url ?? 'pulled', pausedReason === null ? state : `${state} (${pausedReason})`, String(pending)],
    ...[failingSince?.slice(0, 16).replace('T', ' ') ?? '', eventTypes.join(' ') || 'all'],
  ])
  return tableOf([['id', 'url', 'state', 'pending', 'failing since', 'events'], ...rows]).join('\n')
}

/** Of `create` and `listen`. */
export interface ChosenEvents {
  readonly events?: string
  readonly provider?: string
  readonly tag?: string
  readonly priority?: string
}

export const withChosenEvents = (command: Command): Command =>
  command
    .option('--events <types>', 'separated by commas, such as email.bounced,email.failed; default: all')
    .option('--provider <names>', 'only emails of these providers, separated by commas')
    .option('--tag <tags>', 'only emails with one of these tags, separated by commas')
    .option('--priority <priorities>', 'only emails of these priorities, separated by commas')

const listIn = (text: string | undefined): string[] => text?.split(',').map((each) => each.trim()) ?? []

/** The server says which of the names do not exist. */
export const chosenOf = ({ events, provider, tag, priority }: ChosenEvents) =>
  ({
    eventTypes: listIn(events) as WebhookEventType[],
    filters: { providers: listIn(provider), tags: listIn(tag), priorities: listIn(priority) },
  }) as Pick<NewEndpoint, 'eventTypes' | 'filters'>

const createCommand = (context: CommandContext): Command =>
  withChosenEvents(
    new Command('create')
      .description('create an endpoint, and print its signing secret: it cannot be shown again')
      .argument('<url>', 'to which webhooks are posted')
      .option('--description <text>', 'for people'),
  ).action(async (url: string, options: ApiOptions & ChosenEvents & { readonly description?: string }) => {
    const endpoints = await endpointsOf(options, context)
    const created = await endpoints.create({ url, ...chosenOf(options), description: options.description ?? null })
    printResult(context, options, created, () => `${created.id}\n${created.secret}`)
  })

interface Change {
  readonly name: string
  readonly description: string
  readonly change: (endpoints: EndpointsClient, id: string) => Promise<unknown>
  readonly done: (id: string) => string
}

const changes: readonly Change[] = [
  {
    name: 'pause',
    description: 'send nothing more; what happens meanwhile is sent when it is resumed',
    change: (endpoints, id) => endpoints.pause(id),
    done: (id) => `${id} is paused.`,
  },
  {
    name: 'test',
    description: 'send the event endpoint.test',
    change: (endpoints, id) => endpoints.test(id),
    done: (id) => `A test event is on its way: aftersend endpoints attempts ${id} shows the answer.`,
  },
  {
    name: 'delete',
    description: 'delete an endpoint, with what it has not received',
    change: async (endpoints, id) => ({ id, deleted: await endpoints.delete(id).then(() => true) }),
    done: (id) => `${id} is deleted.`,
  },
]

const changeCommand = (context: CommandContext, { name, description, change, done }: Change): Command =>
  new Command(name)
    .description(description)
    .argument('<id>', 'as `list` prints it')
    .action(async (id: string, options: ApiOptions) => {
      const result = await change(await endpointsOf(options, context), id)
      printResult(context, options, result, () => done(id))
    })

const resumeCommand = (context: CommandContext): Command =>
  new Command('resume')
    .description('send again, first what was missed, in order')
    .argument('<id>', 'as `list` prints it')
    .option('--skip', 'drop what was missed, and start with what happens from now on')
    .action(async (id: string, options: ApiOptions & { readonly skip?: boolean }) => {
      const { skip = false } = options
      const resumed = await (await endpointsOf(options, context)).resume(id, { skip })
      const text = skip ? 'what was missed is dropped' : `${resumed.pending} are sent first`
      printResult(context, options, resumed, () => `${id} is resumed: ${text}.`)
    })

const rotateCommand = (context: CommandContext): Command =>
  new Command('rotate')
    .description('add a new signing secret, and print it; the others sign on until they expire')
    .argument('<id>', 'as `list` prints it')
    .addOption(new Option('--overlap <hours>', 'how long the others sign on, 0 to 168').default('24'))
    .action(async (id: string, options: ApiOptions & { readonly overlap: string }) => {
      const hours = Number(options.overlap)
      if (!(hours >= 0 && hours <= 168)) throw new UsageError('--overlap must be a number of hours from 0 to 168')
      const endpoints = await endpointsOf(options, context)
      const rotated = await endpoints.rotateSecret(id, { overlapSeconds: Math.round(hours * 3_600) })
      context.progress.write(`The other secrets sign until ${rotated.othersExpireAt}.\n`)
      printResult(context, options, rotated, () => rotated.secret)
    })

const attemptsCommand = (context: CommandContext): Command =>
  new Command('attempts')
    .description('list the last attempts, the newest first; exit code 1 if the last one failed')
    .argument('<id>', 'as `list` prints it')
    .option('--failed', 'only those that failed')
    .option('--limit <count>', 'how many, up to 200', '20')
    .action(async (id: string, options: ApiOptions & { readonly failed?: boolean; readonly limit: string }) => {
      const outcome = options.failed ? { outcome: 'failed' as const } : {}
      const page = { ...outcome, limit: Number(options.limit) }
      const { data } = await (await endpointsOf(options, context)).attempts(id, page)
      const rows = data.map(({ at, type, status, durationMs, error, deliveryId }) => [
        ...[
          at.slice(0, 19).replace('T', ' '),
          type,
          String(status ?? '–'),
          `${durationMs} ms`,
          deliveryId,
          error ?? '',
        ],
      ])
      const head = ['at (UTC)', 'event', 'status', 'took', 'delivery', 'error']
      printResult(context, options, data, () =>
        rows.length === 0 ? 'There are no attempts.' : tableOf([head, ...rows]).join('\n'),
      )
      if (data[0]?.outcome === 'failed') context.endWith(exitCodes.problemFound)
    })

const replayCommand = (context: CommandContext): Command =>
  new Command('replay')
    .description('send again, with the same webhook-id: one delivery, or all of a time; exit code 1 if there are none')
    .argument('<id>', 'as `list` prints it')
    .option('--delivery <id>', 'one, as `attempts` prints it')
    .option('--since <time>', 'a duration such as 24h, or an ISO 8601 time')
    .option('--until <time>', 'default: now')
    .option('--events <types>', 'only these, separated by commas')
    .action(async (id: string, options: ApiOptions & Replayed) => {
      const { replayed } = await (await endpointsOf(options, context)).replay(id, replayOf(options))
      printResult(context, options, { replayed }, () => `${replayed} are sent again.`)
      if (replayed === 0) context.endWith(exitCodes.problemFound)
    })

interface Replayed {
  readonly delivery?: string
  readonly since?: string
  readonly until?: string
  readonly events?: string
}

function replayOf({ delivery, since, until, events }: Replayed) {
  if ((delivery === undefined) === (since === undefined)) throw new UsageError('set either --delivery or --since')
  if (delivery !== undefined) return { deliveryId: delivery }
  const now = Date.now()
  return {
    since: timeOf(since ?? '', now),
    ...(until !== undefined && { until: timeOf(until, now) }),
    ...(events !== undefined && { eventTypes: listIn(events) as WebhookEventType[] }),
  }
}
