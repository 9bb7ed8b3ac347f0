import { Command } from 'commander'
import { type ApiOptions, type CommandContext, clientFor, exitCodes, tell, withApi } from '../command-context.ts'
import { drawLife } from '../life-drawing.ts'

interface StatusOptions extends ApiOptions {
  readonly provider?: string
  readonly watch?: boolean
}

/** Where one email stands, drawn as its life. */
export const statusCommand = (context: CommandContext): Command =>
  withApi(
    new Command('status')
      .description('where an email stands, and how it came to that')
      .argument('<id>', 'the email’s ID at its provider')
      .option('--provider <name>', 'where several providers have an email of that ID')
      .option('--watch', 'again whenever it changes, until Ctrl-C'),
  ).action(async (id: string, options: StatusOptions) => {
    const client = await clientFor(options, context)
    const which = options.provider === undefined ? {} : { provider: options.provider }
    if (options.watch) {
      for await (const email of client.watch(id, { ...which, signal: context.signal })) {
        tell(context, options, email, () => drawLife(email))
      }
      return
    }
    const email = await client.status(id, which)
    tell(context, options, email, () => (email ? drawLife(email) : `Nothing was heard of an email ${id}.`))
    if (email === null) context.endWith(exitCodes.notWell)
  })
