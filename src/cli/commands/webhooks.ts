import { Command, Option } from 'commander'
import { readConfig } from '../../config.ts'
import { ConfigurationError } from '../../errors.ts'
import type { WebhookSetup } from '../../providers/provider-api.ts'
import { createProviderApis, providerNamed } from '../../providers/registry.ts'
import { type CommandContext, type JsonOption, printResult, UsageError, withJson } from '../command-context.ts'

const withWebhookApi = ['aisend', 'resend']

interface WebhookOptions extends JsonOption {
  readonly provider?: string
  readonly events?: string
}

const providerOption = () =>
  new Option('--provider <name>', 'name of the provider (default: the first with an API key)').choices(withWebhookApi)

/** Sets up and lists webhooks at a provider, by its API. */
export function webhooksCommand(context: CommandContext): Command {
  const register = new Command('register')
    .description('set up a webhook at the provider, and print its signing secret')
    .argument('<url>', 'public URL of Aftersend; without a path, /webhooks/<provider> is added')
    .addOption(providerOption())
    .option('--events <types>', 'the provider’s event types, separated by commas (default: all types of emails)')
    .action((url: string, options: WebhookOptions) => registerWebhook(url, options, context))
  const list = new Command('list')
    .description('list the webhooks at the provider')
    .addOption(providerOption())
    .action((options: WebhookOptions) => listWebhooks(options, context))
  return new Command('webhooks')
    .description('set up or list webhooks at AISend or Resend')
    .addCommand(withJson(register))
    .addCommand(withJson(list))
}

async function registerWebhook(given: string, options: WebhookOptions, context: CommandContext): Promise<void> {
  const { provider, api } = chooseApi(options.provider, context)
  const url = webhookUrl(given, provider)
  const events = (options.events ?? '')
    .split(',')
    .map((type) => type.trim())
    .filter(Boolean)
  const registered = await api.registerWebhook(url, events)
  const variable = providerNamed(provider)?.variable ?? 'its variable'
  printResult(context, options, { provider, ...registered }, () =>
    [
      `${registered.id}  ${url}`,
      `  ${registered.events.join(' ')}`,
      registered.secret === null
        ? `Copy its secret from the provider’s site into ${variable}, and restart Aftersend.`
        : `Put its secret into ${variable}, and restart Aftersend: ${registered.secret}`,
    ].join('\n'),
  )
}

async function listWebhooks(options: WebhookOptions, context: CommandContext): Promise<void> {
  const { provider, api } = chooseApi(options.provider, context)
  const webhooks = await api.listWebhooks()
  printResult(context, options, { provider, webhooks }, () =>
    webhooks.length === 0
      ? `${provider} has no webhooks. Set one up: aftersend webhooks register <url>`
      : webhooks.map(({ id, url, events }) => `${id}  ${url}\n  ${events.join(' ')}`).join('\n'),
  )
}

function chooseApi(named: string | undefined, { env }: CommandContext): { provider: string; api: WebhookSetup } {
  const apis = createProviderApis(readConfig(env).providerApis)
  const provider = named ?? [...apis.keys()].find((name) => apis.get(name)?.webhooks)
  const api = provider === undefined ? undefined : apis.get(provider)?.webhooks
  if (provider !== undefined && api) return { provider, api }
  const variables = (named === undefined ? withWebhookApi : [named]).map((name) => `${name.toUpperCase()}_API_KEY`)
  throw new ConfigurationError(`The provider's API needs a key: set ${variables.join(' or ')}.`)
}

function webhookUrl(given: string, provider: string): string {
  if (!/^https?:\/\//.test(given) || !URL.canParse(given))
    throw new UsageError(`${given} must be an http:// or https:// URL.`)
  const url = new URL(given)
  if (url.pathname === '/') url.pathname = `/webhooks/${provider}`
  return url.href
}
