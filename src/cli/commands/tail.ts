import { Command } from 'commander'
import type { Email } from '../../client/index.ts'
import { follow } from '../../client/watch.ts'
import { type ApiOptions, type CommandContext, printResult, UsageError, withApi } from '../command-context.ts'
import { findApi } from '../target.ts'

interface TailOptions extends ApiOptions {
  readonly status?: string
  readonly priority?: string
  readonly tag?: string
}

/** Prints each change of each email as it happens. */
export const tailCommand = (context: CommandContext): Command =>
  withApi(
    new Command('tail')
      .description('print each change of each email as it happens, until Ctrl-C')
      .option('--status <status>', 'only emails that get this status')
      .option('--priority <priority>', 'only emails of this priority')
      .option('--tag <tag>', 'only emails with this tag'),
  ).action(async (options: TailOptions) => {
    const { apiUrl, apiKey } = await findApi(options, context.env)
    const { status, priority, tag } = options
    const filters = Object.entries({ status, priority, tag }).filter((entry) => entry[1] !== undefined)
    const query = new URLSearchParams(filters as [string, string][])
    const path = `/v1/stream${query.size > 0 ? `?${query}` : ''}`
    const messages = follow({ url: apiUrl, apiKey }, { path, signal: context.signal })
    for (;;) {
      const { done, value } = await messages.next()
      if (done && !value)
        throw new UsageError(`${apiUrl} has no stream of changes: its release is older than this command.`)
      if (done) return
      // While the connection was lost, more changes happened than the server stores.
      if (value.event === 'reset') context.progress.write('Some changes were missed.\n')
      if (value.event !== 'email') continue
      const email = JSON.parse(value.data) as Partial<Email>
      printResult(context, options, email, () => lineOf(email))
    }
  })

function lineOf({ updatedAt, status, priority, id, to }: Partial<Email>): string {
  const time = (updatedAt ?? '').slice(11, 23)
  const recipients = to === undefined || to === null ? '' : `  ${[to].flat().join(', ')}`
  return `${time}  ${(status ?? '').padEnd(10)}  ${(priority ?? '').padEnd(8)}  ${id ?? ''}${recipients}`
}
