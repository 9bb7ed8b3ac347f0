import { Command } from 'commander'
import { request } from '../../client/request.ts'
import { type ApiOptions, type CommandContext, printResult, tableOf, UsageError, withApi } from '../command-context.ts'
import { findApi } from '../target.ts'

interface Channel {
  readonly name: string
  readonly type: string
}

/** The channels that notify the team: lists them, and sends a test message. */
export const channelsCommand = (context: CommandContext): Command =>
  new Command('channels')
    .description('list the channels that notify the team, and send test messages')
    .addCommand(
      withApi(
        new Command('list').description('list the channels').action(async (options: ApiOptions) => {
          const { data } = await call<{ data: Channel[] }>(context, options, 'GET', '/v1/channels')
          const text = () => (data.length === 0 ? 'None: CHANNELS names none.' : tableOf(data.map(rowOf)).join('\n'))
          printResult(context, options, { data }, text)
        }),
      ),
    )
    .addCommand(
      withApi(
        new Command('test')
          .description('send a test message to a channel')
          .argument('<name>', 'as CHANNELS names it')
          .action(async (name: string, options: ApiOptions) => {
            const path = `/v1/channels/${encodeURIComponent(name)}/test`
            const channel = await call<Channel>(context, options, 'POST', path)
            printResult(
              context,
              options,
              channel,
              () => `${channel.name} (${channel.type}) has accepted the test message.`,
            )
          }),
      ),
    )

const rowOf = ({ name, type }: Channel): string[] => [name, type]

async function call<T>(context: CommandContext, options: ApiOptions, method: 'GET' | 'POST', path: string): Promise<T> {
  const { apiUrl, apiKey } = await findApi(options, context.env)
  const answer = await request<T>({ url: apiUrl, apiKey }, { method, path, signal: context.signal })
  if (answer === null) throw new UsageError(`${apiUrl} has no such channel, or its release is older than this command.`)
  return answer
}
