import { Command, Option } from 'commander'
import { readConfig } from '../../config.ts'
import { ConfigurationError } from '../../errors.ts'
import type { ProviderApi } from '../../providers/provider.ts'
import { createProviderApis } from '../../providers/provider-apis.ts'
import { providerNamed } from '../../providers/registry.ts'
import { type CommandContext, type JsonOption, tell, UsageError, withJson } from '../command-context.ts'

const askable = ['aisend', 'resend']

interface WebhookOptions extends JsonOption {
  readonly provider?: string
  readonly events?: string
}

const providerOption = () =>
  new Option('--provider <name>', 'whose (default: the first with an API key)').choices(askable)

/** The provider's side: where it posts to. */
export function webhooksCommand(context: CommandContext): Command {
  const register = new Command('register')
    .description('have the provider post its events to a URL, and get the secret that it signs with')
    .argument('<url>', 'where Aftersend is seen from outside; without a path, /webhooks/<provider> is added')
    .addOption(providerOption())
    .option('--events <types>', 'the provider’s types, with commas between (default: all that concern emails)')
    .action((url: string, options: WebhookOptions) => registerWebhook(url, options, context))
  const list = new Command('list')
    .description('where the provider posts to already')
    .addOption(providerOption())
    .action((options: WebhookOptions) => listWebhooks(options, context))
  return new Command('webhooks')
    .description('the webhooks that are set up at AISend or Resend')
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
  tell(context, options, { provider, ...registered }, () =>
    [
      `${registered.id}  ${url}`,
      `  ${registered.events.join(' ')}`,
      registered.secret === null
        ? `Its secret is shown at the provider: put it into ${variable}, and start Aftersend again.`
        : `Put its secret into ${variable}, and start Aftersend again: ${registered.secret}`,
    ].join('\n'),
  )
}

async function listWebhooks(options: WebhookOptions, context: CommandContext): Promise<void> {
  const { provider, api } = chooseApi(options.provider, context)
  const webhooks = await api.listWebhooks()
  tell(context, options, { provider, webhooks }, () =>
    webhooks.length === 0
      ? `${provider} posts to nobody: aftersend webhooks register <url>`
      : webhooks.map(({ id, url, events }) => `${id}  ${url}\n  ${events.join(' ')}`).join('\n'),
  )
}

function chooseApi(named: string | undefined, { env }: CommandContext): { provider: string; api: ProviderApi } {
  const apis = createProviderApis(readConfig(env).providerApis)
  const provider = named ?? [...apis.keys()][0]
  const api = provider === undefined ? undefined : apis.get(provider)
  if (provider !== undefined && api) return { provider, api }
  const wanted = (named === undefined ? askable : [named]).map((name) => `${name.toUpperCase()}_API_KEY`)
  throw new ConfigurationError(`The provider cannot be asked: set ${wanted.join(' or ')}.`)
}

function webhookUrl(given: string, provider: string): string {
  if (!/^https?:\/\//.test(given) || !URL.canParse(given))
    throw new UsageError(`${given} is no http:// or https:// URL.`)
  const url = new URL(given)
  if (url.pathname === '/') url.pathname = `/webhooks/${provider}`
  return url.href
}
