import { Command } from 'commander'
import { type ApiOptions, type CommandContext, clientFor, exitCodes, tell, withApi } from '../command-context.ts'

/** Who must not be written to. */
export function suppressionsCommand(context: CommandContext): Command {
  const check = new Command('check')
    .description('whether addresses may be written to; exits with 1 if any may not')
    .argument('<address...>', 'up to 1,000')
    .action(async (addresses: string[], options: ApiOptions) => {
      const entries = await (await clientFor(options, context)).checkSuppressions(addresses)
      tell(context, options, entries, () =>
        entries
          .map(({ address, suppressed, reason, since }) =>
            suppressed ? `suppressed  ${address}  ${reason} since ${since}` : `free        ${address}`,
          )
          .join('\n'),
      )
      if (entries.some(({ suppressed }) => suppressed)) context.endWith(exitCodes.notWell)
    })
  return new Command('suppressions').description('the suppression list').addCommand(withApi(check))
}
