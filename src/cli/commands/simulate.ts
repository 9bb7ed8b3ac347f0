import { Command } from 'commander'
import { ConfigurationError } from '../../errors.ts'
import { readMappedProviders } from '../../providers/accounts.ts'
import type { ProviderEntry } from '../../providers/provider.ts'
import { entryNamed, eventProviders } from '../../providers/registry.ts'
import type { SimulateOptions, Target } from '../../simulator/options.ts'
import { probe } from '../../simulator/probe.ts'
import { checkAsksStandIn } from '../../simulator/reconciling.ts'
import { type SimulatedApi, simulate } from '../../simulator/simulation.ts'
import { settingsFor, startStandInFor } from '../../stand-ins/registry.ts'
import { type CommandContext, exitCodes, UsageError } from '../command-context.ts'
import { findTarget } from '../target.ts'
import { readOptions, simulateOptions } from './simulate-options.ts'

/** Simulates an email provider. */
export function simulateCommand(context: CommandContext): Command {
  const { mappedProviders } = readMappedProviders(context.env)
  return simulateOptions(new Command('simulate'), [...eventProviders, ...mappedProviders]).action(
    async (raw: unknown) => {
      const options = readOptions(raw, Date.now())
      const provider = entryNamed(options.provider, mappedProviders)
      if (!provider) throw new UsageError(`--provider ${options.provider} is unknown`)
      checkFaults(options, provider)
      const { url: apiUrl, secret: webhookSecret, apiKey } = options
      const given = { ...(apiUrl && { apiUrl }), ...(webhookSecret && { webhookSecret }), ...(apiKey && { apiKey }) }
      const target = await findTarget(given, context.env, provider)
      await probe(target, provider)
      const api = options.standIn && (await startStandIn(options.standIn.port, options, target, provider, context))
      try {
        const isOk = await simulate(options, target, provider, context, api)
        context.endWith(isOk ? exitCodes.ok : exitCodes.problemFound)
      } finally {
        api?.standIn.close()
      }
    },
  )
}

/** What nobody can be asked about stays lost. @throws UsageError */
function checkFaults({ standIn }: SimulateOptions, { title, createApi }: ProviderEntry): void {
  if (createApi || !standIn || (standIn.faults.lose === 0 && standIn.faults.outageMs === 0)) return
  throw new UsageError(
    `${title} has no API that Aftersend could ask, so what its webhooks lose is not found again: leave out --lose and --outage`,
  )
}

/** The key of every stand-in here. It protects nothing: a stand-in listens on this machine only. */
const standInKey = 'stand-in'

/** @throws ConfigurationError if the port is in use, or Aftersend does not ask the stand-in. */
async function startStandIn(
  port: number,
  options: SimulateOptions,
  target: Target,
  provider: ProviderEntry,
  { progress }: CommandContext,
): Promise<SimulatedApi> {
  const { webhookSecret } = target
  const standIn = await startStandInFor(provider, { port, webhookSecret, apiKey: standInKey }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error
      throw new ConfigurationError(`Port ${port} is in use: set --stand-in-port`)
    },
  )
  if (!provider.createApi) return { standIn, delayMs: null }
  const settings = Object.entries(settingsFor(provider.name, standIn)).map(([name, value]) => `${name}=${value}`)
  const { apiUrl, apiKey } = standIn
  const delayMs = provider.createApi({ apiUrl, apiKey }).history?.delayMs ?? null
  progress.write(
    `The stand-in for ${provider.title} answers at ${apiUrl}. Aftersend must run with ${settings.join(' ')}\n`,
  )
  const asked = { target, provider, timeoutMs: options.timeoutMs }
  try {
    if (delayMs !== null) await checkAsksStandIn(asked, standIn, delayMs, settings.join(' '))
    return { standIn, delayMs }
  } catch (error) {
    standIn.close()
    throw error
  }
}
