import { Command } from 'commander'
import { providerNamed } from '../../providers/registry.ts'
import { probe } from '../../simulator/probe.ts'
import { simulate } from '../../simulator/simulation.ts'
import { type CommandContext, exitCodes, UsageError } from '../command-context.ts'
import { findTarget } from '../target.ts'
import { readOptions, simulateOptions } from './simulate-options.ts'

/** Simulates an email provider. */
export const simulateCommand = (context: CommandContext): Command =>
  simulateOptions(new Command('simulate')).action(async (raw: unknown) => {
    const options = readOptions(raw, Date.now())
    const provider = providerNamed(options.provider)
    if (!provider) throw new UsageError(`--provider ${options.provider} is unknown`)
    const { url: apiUrl, secret: webhookSecret, apiKey } = options
    const given = { ...(apiUrl && { apiUrl }), ...(webhookSecret && { webhookSecret }), ...(apiKey && { apiKey }) }
    const target = await findTarget(given, context.env, provider)
    await probe(target, provider)
    const isOk = await simulate(options, target, provider, context)
    context.endWith(isOk ? exitCodes.ok : exitCodes.problemFound)
  })
