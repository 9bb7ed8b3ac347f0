import { Command } from 'commander'
import { providerNamed } from '../../providers/registry.ts'
import { type CommandContext, UsageError } from '../command-context.ts'
import { readOptions, simulateOptions } from '../simulate/options.ts'
import { probe } from '../simulate/probe.ts'
import { simulate } from '../simulate/simulation.ts'
import { findTarget } from '../target.ts'

/** Plays an email provider against a running Aftersend. */
export const simulateCommand = (context: CommandContext): Command =>
  simulateOptions(new Command('simulate')).action(async (given: unknown) => {
    const options = readOptions(given, Date.now())
    const provider = providerNamed(options.provider)
    if (!provider) throw new UsageError(`--provider: no provider is called ${options.provider}`)
    const { url: apiUrl, secret: webhookSecret, apiKey } = options
    const said = { ...(apiUrl && { apiUrl }), ...(webhookSecret && { webhookSecret }), ...(apiKey && { apiKey }) }
    const target = await findTarget(said, context.env, provider)
    await probe(target, provider)
    context.endWith(await simulate(options, target, provider, context))
  })
