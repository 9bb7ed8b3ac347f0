import { Command } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { ConfigurationError } from '../../errors.ts'
import { readRunning } from '../../local/running.ts'
import { createProviderApis } from '../../providers/provider-apis.ts'
import { type ApiOptions, type CommandContext, exitCodes, tell, UsageError, withApi } from '../command-context.ts'
import { examineApi, examineWebhooks } from '../doctor/api.ts'
import { examineDatabase, noDatabase } from '../doctor/database.ts'
import { type Finding, skipped, well, wordsOf, wrong } from '../doctor/finding.ts'
import { examineProviderApis } from '../doctor/provider-apis.ts'
import { examineTemporal } from '../doctor/temporal.ts'
import { findApi } from '../target.ts'

interface DoctorOptions extends ApiOptions {
  readonly publicUrl?: string
}

/** Looks at everything that can be wrong with a system, and says of each what to do. */
export const doctorCommand = (context: CommandContext): Command =>
  withApi(
    new Command('doctor')
      .description('look at configuration, servers, clocks, keys and webhooks, and say what to do')
      .option('--public-url <url>', 'where providers see Aftersend (default: where it listens)'),
  ).action(async (options: DoctorOptions) => {
    if (options.publicUrl !== undefined && !/^https?:\/\/[^/]/.test(options.publicUrl)) {
      throw new UsageError('--public-url wants an http:// or https:// URL')
    }
    const findings = await examineAll(options, context)
    const wrongs = findings.filter(({ state }) => state === 'wrong').length
    tell(context, options, { well: wrongs === 0, findings }, () =>
      [...findings.map(lineOf), '', verdict(wrongs)].join('\n'),
    )
    if (wrongs > 0) context.endWith(exitCodes.notWell)
  })

async function examineAll(options: DoctorOptions, { env }: CommandContext): Promise<Finding[]> {
  let config: Config
  try {
    config = readConfig(env)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return [wrong('configuration', error.message, 'put the variables right (.env.example says what each wants)')]
  }
  const running = await readRunning(config.dataDir)
  const databaseUrl = config.databaseUrl ?? running?.databaseUrl
  const address = config.temporal.address ?? running?.temporalAddress
  const { namespace, security } = config.temporal
  const nothingRuns = `no system is known in ${config.dataDir}`
  return [
    well('configuration', running ? `can work; a system runs in ${config.dataDir}` : 'can work'),
    ...(databaseUrl ? await examineDatabase(databaseUrl) : [noDatabase(nothingRuns)]),
    ...(address
      ? await examineTemporal({ address, namespace, security })
      : [skipped('temporal', nothingRuns, 'set TEMPORAL_ADDRESS, or start Aftersend: aftersend up')]),
    ...(await examineServed(options, config, env)),
    ...(await examineProviderApis(
      createProviderApis(config.providerApis),
      options.publicUrl?.replace(/\/+$/, '') ?? null,
    )),
  ]
}

async function examineServed(options: DoctorOptions, config: Config, env: CommandContext['env']): Promise<Finding[]> {
  try {
    const { apiUrl, apiKey } = await findApi(options, env)
    const publicUrl = (options.publicUrl ?? apiUrl).replace(/\/+$/, '')
    const served = await examineApi(apiUrl, apiKey)
    const isThere = served.length > 1 || options.publicUrl !== undefined
    return [...served, ...(isThere ? await examineWebhooks(publicUrl, config) : [])]
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return [skipped('api', wordsOf(error), 'start Aftersend (aftersend up), or say --url and --key')]
  }
}

const marks = { well: 'ok', warning: 'WARNING', wrong: 'WRONG', skipped: 'skipped' } as const

const lineOf = ({ check, state, found, todo }: Finding): string =>
  [`${marks[state].padEnd(8)} ${check}: ${found}`, ...(todo === null ? [] : [`${' '.repeat(9)}→ ${todo}`])].join('\n')

const verdict = (wrongs: number): string =>
  wrongs === 0 ? 'All is well.' : `${wrongs} ${wrongs === 1 ? 'thing is' : 'things are'} wrong.`
