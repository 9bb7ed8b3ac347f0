/** The `aftersend` program: all commands, and how errors end it. */
import { Command, CommanderError } from 'commander'
import { AftersendProblemError, AftersendUnreachableError } from '../client/index.ts'
import { ConfigurationError, DatabaseUnavailableError, TemporalUnavailableError } from '../errors.ts'
import { DestinationRefusedError, DestinationUnreachableError } from '../exports/errors.ts'
import { EmailRefusedError, ProviderRefusedError, ProviderUnreachableError } from '../providers/provider-api.ts'
import { DeploymentRefusedError } from '../temporal/deployment.ts'
import { version } from '../version.ts'
import { type CommandContext, exitCodes, UsageError } from './command-context.ts'
import { auditCommand } from './commands/audit.ts'
import { bouncesCommand } from './commands/bounces.ts'
import { channelsCommand } from './commands/channels.ts'
import { deploymentCommand } from './commands/deployment.ts'
import { doctorCommand } from './commands/doctor.ts'
import { domainsCommand } from './commands/domains.ts'
import { endpointsCommand } from './commands/endpoints.ts'
import { erasuresCommand } from './commands/erasures.ts'
import { exportCommand } from './commands/export.ts'
import { ingestCommand } from './commands/ingest.ts'
import { keysCommand } from './commands/keys.ts'
import { listenCommand } from './commands/listen.ts'
import { mappingCommand } from './commands/mapping.ts'
import { mcpCommand } from './commands/mcp.ts'
import { migrateCommand } from './commands/migrate.ts'
import { reconcileCommand } from './commands/reconcile.ts'
import { replayCommand } from './commands/replay.ts'
import { signCommand } from './commands/sign.ts'
import { simulateCommand } from './commands/simulate.ts'
import { statusCommand } from './commands/status.ts'
import { studioCommand } from './commands/studio.ts'
import { suppressionsCommand } from './commands/suppressions.ts'
import { tailCommand } from './commands/tail.ts'
import { upCommand } from './commands/up.ts'
import { webhooksCommand } from './commands/webhooks.ts'

const exitCodeHelp = `
Exit codes: 0 the command succeeded and found nothing wrong, 1 it found something, 2 it could not run.`

function createProgram(context: CommandContext): Command {
  const program = new Command('aftersend')
    .description('What happened to that email after we sent it?')
    .version(version)
    .addHelpText('after', exitCodeHelp)
    .exitOverride()
    .configureOutput({ writeOut: (text) => context.print(text.trimEnd()), writeErr: () => {} })
  for (const create of [
    upCommand,
    studioCommand,
    simulateCommand,
    signCommand,
    statusCommand,
    tailCommand,
    replayCommand,
    reconcileCommand,
    auditCommand,
    suppressionsCommand,
    bouncesCommand,
    webhooksCommand,
    endpointsCommand,
    listenCommand,
    ingestCommand,
    exportCommand,
    channelsCommand,
    domainsCommand,
    keysCommand,
    erasuresCommand,
    deploymentCommand,
    mappingCommand,
    mcpCommand,
    migrateCommand,
    doctorCommand,
  ]) {
    program.addCommand(inheriting(create(context), program))
  }
  return program
}

/** Commander copies settings only to commands that it creates itself. */
function inheriting(command: Command, program: Command): Command {
  command.copyInheritedSettings(program)
  for (const below of command.commands) inheriting(below, command)
  return command
}

/** Errors whose message is for the user. Any other is an internal error, and shown with its stack. */
const userErrors = [
  UsageError,
  ConfigurationError,
  DatabaseUnavailableError,
  TemporalUnavailableError,
  AftersendProblemError,
  AftersendUnreachableError,
  ProviderRefusedError,
  ProviderUnreachableError,
  EmailRefusedError,
  DeploymentRefusedError,
  DestinationRefusedError,
  DestinationUnreachableError,
]

/**
 * Runs one command line.
 * @param fail called with the error message.
 * @returns the exit code.
 */
export async function runCommandLine(
  args: readonly string[],
  context: Omit<CommandContext, 'endWith'>,
  fail: (message: string) => void,
): Promise<number> {
  let code: number = exitCodes.ok
  const endWith = (exitCode: number) => {
    code = exitCode
  }
  try {
    await createProgram({ ...context, endWith }).parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error, args, fail)
    if (!userErrors.some((kind) => error instanceof kind)) throw error
    fail(error instanceof Error ? error.message : String(error))
    return exitCodes.failed
  }
}

/** Commander throws for help and version too. */
function exitCodeOf(error: CommanderError, args: readonly string[], fail: (message: string) => void): number {
  if (error.exitCode === 0) return exitCodes.ok
  const isKnown = !['commander.help', 'commander.unknownCommand'].includes(error.code)
  const message = error.code === 'commander.help' ? 'No command was given.' : error.message.replace(/^error: /, '')
  const command = isKnown && args[0] !== undefined && !args[0].startsWith('-') ? ` ${args[0]}` : ''
  fail(`${message}\nSee aftersend${command} --help.`)
  return exitCodes.failed
}
