import { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { readRunning } from '../../embedded/running.ts'
import { ConfigurationError, messageOf } from '../../errors.ts'
import { createTeamChannels } from '../../notifications/team-channels.ts'
import { createProviderApis } from '../../providers/registry.ts'
import {
  type ApiOptions,
  type CommandContext,
  exitCodes,
  printResult,
  UsageError,
  withApi,
} from '../command-context.ts'
import { checkApi, checkWebhooks } from '../doctor/api.ts'
import { checkChannels } from '../doctor/channels.ts'
import { checkDatabase, noDatabase } from '../doctor/database.ts'
import { type Finding, skipped, well, wrong } from '../doctor/finding.ts'
import { checkMailboxes } from '../doctor/mailboxes.ts'
import { checkProviderApis } from '../doctor/provider-apis.ts'
import { checkTemporal } from '../doctor/temporal.ts'
import { findApi } from '../target.ts'

interface DoctorOptions extends ApiOptions {
  readonly publicUrl?: string
}

/** Checks the configuration and all servers, and says for each finding what to do. */
export const doctorCommand = (context: CommandContext): Command =>
  withApi(
    new Command('doctor')
      .description('check configuration, servers, clocks, keys and webhooks, and say what to do')
      .option('--public-url <url>', 'URL to which providers post (default: the URL of the API)'),
  ).action(async (options: DoctorOptions) => {
    if (options.publicUrl !== undefined && !/^https?:\/\/[^/]/.test(options.publicUrl)) {
      throw new UsageError('--public-url must be an http:// or https:// URL')
    }
    const findings = await checkAll(options, context)
    const wrongs = findings.filter(({ state }) => state === 'wrong').length
    printResult(context, options, { well: wrongs === 0, findings }, () =>
      [...findings.map(lineOf), '', verdict(wrongs)].join('\n'),
    )
    if (wrongs > 0) context.endWith(exitCodes.problemFound)
  })

async function checkAll(options: DoctorOptions, { env }: CommandContext): Promise<Finding[]> {
  let config: Config
  try {
    config = readConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return [wrong('configuration', error.message, 'correct these variables; .env.example describes each')]
  }
  const running = await readRunning(config.dataDir)
  const databaseUrl = config.databaseUrl ?? running?.databaseUrl
  const address = config.temporal.address ?? running?.temporalAddress
  const { namespace, security } = config.temporal
  const nothingRuns = `no system is running in ${config.dataDir}`
  return [
    well('configuration', running ? `is valid; a system runs in ${config.dataDir}` : 'is valid'),
    ...(databaseUrl ? await checkDatabase(databaseUrl) : [noDatabase(nothingRuns)]),
    ...(address
      ? await checkTemporal({ address, namespace, security }, config.deployment)
      : [skipped('temporal', nothingRuns, 'set TEMPORAL_ADDRESS, or start Aftersend (aftersend up)')]),
    ...(await checkApiAndWebhooks(options, config, env)),
    ...(await checkProviderApis(
      createProviderApis(config.providerApis),
      options.publicUrl?.replace(/\/+$/, '') ?? null,
    )),
    ...(await checkMailboxes(config.mail.mailboxes)),
    ...(await checkChannels(createTeamChannels(config.channels, config.publicUrl))),
  ]
}

async function checkApiAndWebhooks(
  options: DoctorOptions,
  config: Config,
  env: CommandContext['env'],
): Promise<Finding[]> {
  try {
    const { apiUrl, apiKey } = await findApi(options, env)
    const publicUrl = (options.publicUrl ?? apiUrl).replace(/\/+$/, '')
    const served = await checkApi(apiUrl, apiKey)
    const answers = served.length > 1 || options.publicUrl !== undefined
    return [...served, ...(answers ? await checkWebhooks(publicUrl, config) : [])]
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return [skipped('api', messageOf(error), 'start Aftersend (aftersend up), or set --url and --key')]
  }
}

const labels = { well: 'ok', warning: 'WARNING', wrong: 'WRONG', skipped: 'skipped' } as const

const lineOf = ({ check, state, found, todo }: Finding): string =>
  [`${labels[state].padEnd(8)} ${check}: ${found}`, ...(todo === null ? [] : [`${' '.repeat(9)}→ ${todo}`])].join('\n')

const verdict = (wrongs: number): string =>
  wrongs === 0 ? 'No problems found.' : `${wrongs} ${wrongs === 1 ? 'problem' : 'problems'} found.`
