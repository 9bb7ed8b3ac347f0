import type { Readable, Writable } from 'node:stream'
import { Command } from 'commander'
import { type ApiOptions, type CommandContext, clientFor, keyOption, urlOption } from '../command-context.ts'

/** Answers an assistant's questions on standard input and output. */
export const mcpCommand = (context: CommandContext): Command =>
  new Command('mcp')
    .description('serve an assistant by the Model Context Protocol on standard input and output; it can only read')
    .addOption(urlOption())
    .addOption(keyOption())
    .action(async (options: ApiOptions) => {
      const client = await clientFor(options, context)
      // No other command needs the SDK.
      const { serveMcp } = await import('../../mcp/server.ts')
      await serveMcp(client, context.stdin as Readable, context.output as Writable)
    })
