/** `npm run simulate`: plays an email provider against a running Aftersend. */
import { ConfigurationError } from '../errors.ts'
import { parseOptions, UsageError, usage } from './simulate/options.ts'
import { probe } from './simulate/probe.ts'
import { simulate } from './simulate/simulation.ts'
import { findTarget } from './target.ts'

const couldNotBegin = 2

async function run(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, Date.now())
  if (options.help) {
    console.log(usage)
    return 0
  }
  const { url: apiUrl, secret: webhookSecret, apiKey } = options
  const target = await findTarget({ apiUrl, webhookSecret, apiKey }, process.env)
  await probe(target)
  return simulate(options, target, { print: console.log, progress: process.stderr })
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError || error instanceof ConfigurationError)) throw error
  console.error(
    error instanceof UsageError ? `${error.message}\nnpm run simulate -- --help tells all options.` : error.message,
  )
  process.exitCode = couldNotBegin
}
