/** Which service receives the email of a domain: by the domain itself, or by the hosts that its MX records name. */
import { mailboxProviders } from './mailbox-providers.ts'

/** The name of a mailbox provider in the API and in the database. */
export type MailboxProvider = keyof typeof mailboxProviders

/** Stands for all mailbox providers that are not known by name. */
export const otherMailboxProvider = 'other'

const entries = Object.entries(mailboxProviders) as [MailboxProvider, (typeof mailboxProviders)[MailboxProvider]][]

const byDomain = new Map<string, MailboxProvider>(
  entries.flatMap(([provider, { domains }]) => domains.map((domain): [string, MailboxProvider] => [domain, provider])),
)

const byHost = new Map<string, MailboxProvider>(
  entries.flatMap(([provider, { hosts }]) => hosts.map((host): [string, MailboxProvider] => [host, provider])),
)

/** In lower case, without the dot at the end that names in DNS may have. */
const normalized = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/** The providers' own domains, with the provider of each. */
export const ownDomains: ReadonlyMap<string, MailboxProvider> = byDomain

/** The provider whose own domain this is, such as `gmail.com`; null if it is nobody's, or a domain of a company or a person. */
export const mailboxProviderOfDomain = (domain: string): MailboxProvider | null =>
  byDomain.get(normalized(domain)) ?? null

/**
 * The provider that MX hosts belong to; null if none is known.
 * @param hosts in the order of preference: the first known one decides. A null MX (RFC 7505) is an empty name.
 */
export function mailboxProviderOfMx(hosts: readonly string[]): MailboxProvider | null {
  for (const host of hosts) {
    for (let name = normalized(host); name !== ''; name = parentOf(name)) {
      const provider = byHost.get(name)
      if (provider) return provider
    }
  }
  return null
}

/** `mail.icloud.com` of `mx01.mail.icloud.com`; empty at the end. */
const parentOf = (name: string): string => (name.includes('.') ? name.slice(name.indexOf('.') + 1) : '')

/** The name that people know: `Gmail` of `gmail`. */
export const mailboxProviderLabel = (provider: string): string =>
  (mailboxProviders as Readonly<Record<string, { readonly label: string }>>)[provider]?.label ??
  'other mailbox providers'
