/** What each project may have its own of: keys of providers' APIs, and channels to its support. */
import type { z } from 'zod'
import { type Projects, variablePartOf } from './domain/project.ts'
import { environment, projectEnvironment } from './environment.ts'
import { insecureSettings, requiresTls } from './insecure-settings.ts'
import type { ProviderApiSettings } from './providers/registry.ts'

/** The providers whose API has settings, but for those that need more than a URL and a key. */
const plainlyAsked = [
  ...(['aisend', 'resend', 'sendgrid', 'postmark', 'sparkpost', 'brevo'] as const),
  ...(['mandrill', 'mailjet', 'mailersend', 'lettermint', 'scaleway'] as const),
]
type PlainlyAsked = (typeof plainlyAsked)[number]
type AskedProvider = PlainlyAsked | 'mailgun' | 'ses'

export interface ProjectSettings {
  /** The providers' APIs, by the provider's name. */
  readonly providerApis: Readonly<Record<AskedProvider, ProviderApiSettings>>
  readonly support: {
    readonly webhook: { readonly url: string; readonly secret: string } | null
    readonly email: { readonly to: string; readonly smtpUrl: string; readonly requiresTls: boolean } | null
  }
}

type Given = Readonly<Record<string, string | undefined>>

/** @param insisted see ALLOW_INSECURE. */
export function projectSettingsOf(
  env: z.infer<typeof projectEnvironment>,
  insisted: readonly string[],
): ProjectSettings {
  const { SUPPORT_WEBHOOK_URL: url, SUPPORT_WEBHOOK_SECRET: secret, SUPPORT_EMAIL: to, SMTP_URL: smtpUrl } = env
  return {
    providerApis: {
      ...plainSettingsOf(env),
      mailgun: {
        apiKey: env.MAILGUN_API_KEY ?? null,
        apiUrl: withoutSlash(env.MAILGUN_API_URL),
        domains: env.MAILGUN_DOMAINS,
      },
      ses: {
        apiKey: env.SES_API_KEY ?? null,
        keyId: env.SES_ACCESS_KEY_ID ?? null,
        region: env.SES_REGION ?? null,
        apiUrl: withoutSlash(env.SES_API_URL ?? `https://email.${env.SES_REGION ?? 'us-east-1'}.amazonaws.com`),
      },
    },
    support: {
      webhook: url && secret ? { url, secret } : null,
      email: to && smtpUrl ? { to, smtpUrl, requiresTls: requiresTls(smtpUrl, insisted) } : null,
    },
  }
}

function plainSettingsOf(env: z.infer<typeof projectEnvironment>): Record<PlainlyAsked, ProviderApiSettings> {
  const entries = plainlyAsked.map((name) => {
    const prefix = name.toUpperCase() as Uppercase<PlainlyAsked>
    return [name, { apiKey: env[`${prefix}_API_KEY`] ?? null, apiUrl: withoutSlash(env[`${prefix}_API_URL`]) }]
  })
  return Object.fromEntries(entries)
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '')

/** What a channel or an API needs and is not set. */
export function missingProjectSettings(given: Given, suffix = ''): string[] {
  const errors: string[] = []
  for (const name of given['SES_API_KEY'] ? ['SES_ACCESS_KEY_ID', 'SES_REGION'] : []) {
    if (!given[name]) errors.push(`${name}${suffix} is missing: SES_API_KEY${suffix} requires it`)
  }
  if (given['SUPPORT_WEBHOOK_URL'] && !given['SUPPORT_WEBHOOK_SECRET']) {
    errors.push(`SUPPORT_WEBHOOK_SECRET${suffix} is missing: it signs requests to SUPPORT_WEBHOOK_URL${suffix}`)
  }
  if (given['SUPPORT_EMAIL'] && !given['SMTP_URL']) {
    errors.push(`SMTP_URL${suffix} is missing: it sends the emails to SUPPORT_EMAIL${suffix}`)
  }
  return errors
}

/** Addresses of services, which all projects use unless they have their own. */
const isCommon = (name: string): boolean => name.endsWith('_API_URL') || name === 'SMTP_URL'

/**
 * Reads the projects other than the default one. Their variables have the project's name at the end: `RESEND_API_KEY_SHOP`.
 * @returns one sentence for each invalid variable too, without its value.
 */
export function readProjectSettings(given: Given) {
  const parsed = environment
    .pick({ PROJECTS: true, PROJECTS_SHARING_SUPPRESSIONS: true, ALLOW_INSECURE: true })
    .safeParse(given)
  // Reported with the other variables.
  const {
    PROJECTS: accounts,
    PROJECTS_SHARING_SUPPRESSIONS: sharing = [],
    ALLOW_INSECURE: insisted = [],
  } = parsed.data ?? {}
  const names = new Set(accounts?.values())
  const settings = new Map<string, ProjectSettings>()
  const errors = sharing
    .filter((name) => !names.has(name))
    .map((name) => `PROJECTS_SHARING_SUPPRESSIONS names ${name}, which PROJECTS does not`)
  for (const name of names) {
    const suffix = `_${variablePartOf(name)}`
    const own = ownVariables(given, suffix)
    const insistedHere = insisted.map((variable) => variable.replace(new RegExp(`${suffix}$`), ''))
    const result = projectEnvironment.safeParse(own)
    errors.push(
      ...(result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}${suffix} ${message}`),
      ...missingProjectSettings(own, suffix),
      ...insecureSettings(own, insistedHere).map((error) => error.replace(/^\w+/, `$&${suffix}`)),
    )
    if (result.success) settings.set(name, projectSettingsOf(result.data, insistedHere))
  }
  const projects: Projects & { settings: ReadonlyMap<string, ProjectSettings> } = {
    accounts: accounts ?? new Map(),
    sharingSuppressions: new Set(sharing),
    settings,
  }
  return { projects, errors }
}

/** The variables of a project by their names without its own, and the common ones. */
const ownVariables = (given: Given, suffix: string): Given =>
  Object.fromEntries(
    Object.keys(projectEnvironment.shape).map((name) => [
      name,
      given[`${name}${suffix}`] ?? (isCommon(name) ? given[name] : undefined),
    ]),
  )

/**
 * An account whose webhooks are refused belongs to no project: its name is mistyped, or its secret is missing. One of mail may need no secret:
 * its mailbox is read by a worker, whose variables this process does not have.
 */
export const accountsWithoutSecret = (
  { accounts }: Projects,
  secrets: ReadonlyMap<string, unknown>,
  isFirstGenerated: boolean,
): string[] =>
  [...accounts.keys()]
    .filter((account) => !secrets.has(account) && !(isFirstGenerated && !account.includes('/')))
    .filter((account) => account.split('/')[0] !== 'mail')
    .map((account) => `PROJECTS names the account ${account}, which has no webhook secret: set it, or mend the name`)
