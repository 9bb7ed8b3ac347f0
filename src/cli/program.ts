/** The command line, put together. */
import { Command, CommanderError } from 'commander'
import { AftersendProblemError, AftersendUnreachableError } from '../client/index.ts'
import { ConfigurationError, DatabaseUnavailableError, TemporalUnavailableError } from '../errors.ts'
import { EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from '../providers/provider.ts'
import { version } from '../version.ts'
import { type CommandContext, exitCodes, UsageError } from './command-context.ts'
import { doctorCommand } from './commands/doctor.ts'
import { replayCommand } from './commands/replay.ts'
import { signCommand } from './commands/sign.ts'
import { simulateCommand } from './commands/simulate.ts'
import { statusCommand } from './commands/status.ts'
import { suppressionsCommand } from './commands/suppressions.ts'
import { tailCommand } from './commands/tail.ts'
import { upCommand } from './commands/up.ts'
import { webhooksCommand } from './commands/webhooks.ts'

const endings = `
Exits with 0 when it was done and all is well, with 1 when something is not as it should be, and with 2 when it could not
be done.`

function createProgram(context: CommandContext): Command {
  const program = new Command('aftersend')
    .description('What happened to that email after we sent it?')
    .version(version)
    .addHelpText('after', endings)
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.print(text.trimEnd()), writeErr: () => {} })
  for (const create of [
    upCommand,
    simulateCommand,
    signCommand,
    statusCommand,
    tailCommand,
    replayCommand,
    suppressionsCommand,
    webhooksCommand,
    doctorCommand,
  ]) {
    program.addCommand(inheriting(create(context), program))
  }
  return program
}

/** Commands that were made on their own behave as those that the program makes, down to the last. */
function inheriting(command: Command, program: Command): Command {
  command.copyInheritedSettings(program)
  for (const below of command.commands) inheriting(below, command)
  return command
}

/** Errors that say what to do. Any other is a mistake of ours, and shown with where it happened. */
const typed = [
  UsageError,
  ConfigurationError,
  DatabaseUnavailableError,
  TemporalUnavailableError,
  AftersendProblemError,
  AftersendUnreachableError,
  ProviderRefusedError,
  ProviderUnreachableError,
  EmailRefusedError,
]

/**
 * Carries out one command line.
 * @param fail told why it could not be done.
 * @returns the exit code.
 */
export async function runCommandLine(
  args: readonly string[],
  context: Omit<CommandContext, 'endWith'>,
  fail: (why: string) => void,
): Promise<number> {
  let code: number = exitCodes.well
  const endWith = (ending: number) => {
    code = ending
  }
  try {
    await createProgram({ ...context, endWith }).parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return endOf(error, args, fail)
    if (!typed.some((kind) => error instanceof kind)) throw error
    fail(error instanceof Error ? error.message : String(error))
    return exitCodes.notDone
  }
}

/** Help and version are told by an error too. */
function endOf(error: CommanderError, args: readonly string[], fail: (why: string) => void): number {
  if (error.exitCode === 0) return exitCodes.well
  const isKnown = !['commander.help', 'commander.unknownCommand'].includes(error.code)
  const why = error.code === 'commander.help' ? 'Say what to do.' : error.message.replace(/^error: /, '')
  const command = isKnown && args[0] !== undefined && !args[0].startsWith('-') ? ` ${args[0]}` : ''
  fail(`${why}\naftersend${command} --help tells more.`)
  return exitCodes.notDone
}
