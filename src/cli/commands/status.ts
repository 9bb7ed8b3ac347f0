import { Command } from 'commander'
import { type ApiOptions, type CommandContext, clientFor, exitCodes, printResult, withApi } from '../command-context.ts'
import { formatEmail } from '../email-text.ts'

interface StatusOptions extends ApiOptions {
  readonly provider?: string
  readonly watch?: boolean
}

/** Prints the status and the timeline of an email. */
export const statusCommand = (context: CommandContext): Command =>
  withApi(
    new Command('status')
      .description('print the status and the timeline of an email; exit code 1 if it is unknown')
      .argument('<id>', 'the provider’s ID of the email')
      .option('--provider <name>', 'name of the provider, if several have this ID')
      .option('--watch', 'print it again after each change, until Ctrl-C'),
  ).action(async (id: string, options: StatusOptions) => {
    const client = await clientFor(options, context)
    const which = options.provider === undefined ? {} : { provider: options.provider }
    if (options.watch) {
      for await (const email of client.watch(id, { ...which, signal: context.signal })) {
        printResult(context, options, email, () => formatEmail(email))
      }
      return
    }
    const email = await client.status(id, which)
    printResult(context, options, email, () => (email ? formatEmail(email) : `Email ${id} is unknown.`))
    if (email === null) context.endWith(exitCodes.problemFound)
  })
