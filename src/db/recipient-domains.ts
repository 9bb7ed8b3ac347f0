/** Statements on the mailbox providers of recipients' domains. */
import type { MailboxProvider } from '../domain/mailbox-provider.ts'
import { otherMailboxProvider } from '../domain/mailbox-provider.ts'
import type { Database } from './database.ts'
import { Prisma } from './generated/client.ts'

/** What the mailbox provider was found by: the domain is its own, MX records name its hosts, or neither. */
type FoundBy = 'domain' | 'mx' | 'none'

export interface RecipientDomain {
  readonly domain: string
  /** Null if it is not known by name. */
  readonly mailboxProvider: MailboxProvider | null
  readonly foundBy: FoundBy
}

/** How long an answer of DNS stays valid. */
const answerValidDays = 7

/** When a domain is looked up again for which DNS did not answer. */
const retryAfterDays = 1

/** Joins the row of a domain, if it was looked up. @param domain an expression. Index: recipient_domains_pkey. */
export const joinRecipientDomain = (domain: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`LEFT JOIN recipient_domains ON recipient_domains.domain = ${domain}`

/** The mailbox provider of the row that {@link joinRecipientDomain} joins; `other` if none is known by name, or none is known yet. */
export const mailboxProviderColumn = Prisma.sql`coalesce(recipient_domains.mailbox_provider, ${otherMailboxProvider}::text)`

export interface DomainPage {
  /** Domains that were never looked up, or whose answer has expired. */
  readonly due: readonly string[]
  /** The last domain of the page; null if there are no more. */
  readonly next: string | null
}

/**
 * One page of the domains that emails went to, in order, and which of them are to be looked up. Reads one index entry for each domain,
 * whatever the number of its emails. Indexes: email_recipients_domain_idx, recipient_domains_pkey.
 * @param after the last domain of the previous page; empty for the first page.
 */
export async function readDomainPage(db: Database, after: string, limit: number): Promise<DomainPage> {
  const rows = await db.$queryRaw<{ domain: string; is_due: boolean }[]>`
    WITH RECURSIVE walked AS (
      (SELECT domain FROM email_recipients WHERE domain > ${after} ORDER BY domain LIMIT 1)
      UNION ALL
      SELECT (SELECT domain FROM email_recipients WHERE domain > walked.domain ORDER BY domain LIMIT 1)
      FROM walked WHERE walked.domain IS NOT NULL
    ), page AS (
      SELECT domain FROM walked WHERE domain IS NOT NULL LIMIT ${limit}
    )
    SELECT domain, coalesce((SELECT expires_at <= now() FROM recipient_domains WHERE domain = page.domain), true) AS is_due
    FROM page ORDER BY domain`
  return {
    due: rows.filter(({ is_due: isDue }) => isDue).map(({ domain }) => domain),
    next: rows.length < limit ? null : (rows.at(-1)?.domain ?? null),
  }
}

/** Stores answers; each replaces the domain's previous one. Index: recipient_domains_pkey. */
export const writeRecipientDomains = (db: Database, found: readonly RecipientDomain[]): Promise<number> =>
  db.$executeRaw`
    INSERT INTO recipient_domains (domain, mailbox_provider, found_by, expires_at)
    SELECT domain, mailbox_provider, found_by, now() + ${answerValidDays} * interval '1 day'
    FROM unnest(${found.map(({ domain }) => domain)}::text[], ${found.map((it) => it.mailboxProvider)}::text[],
                ${found.map(({ foundBy }) => foundBy)}::text[]) AS found(domain, mailbox_provider, found_by)
    ORDER BY domain
    ON CONFLICT (domain) DO UPDATE SET mailbox_provider = excluded.mailbox_provider, found_by = excluded.found_by,
      checked_at = excluded.checked_at, expires_at = excluded.expires_at`

/** Stores the providers' own domains, each for a year: they need no lookup. Index: recipient_domains_pkey. */
export const addOwnDomains = (db: Database, own: ReadonlyMap<string, MailboxProvider>): Promise<number> =>
  db.$executeRaw`
    INSERT INTO recipient_domains (domain, mailbox_provider, found_by, expires_at)
    SELECT domain, mailbox_provider, 'domain', now() + interval '1 year'
    FROM unnest(${[...own.keys()]}::text[], ${[...own.values()]}::text[]) AS own(domain, mailbox_provider)
    WHERE NOT EXISTS (SELECT FROM recipient_domains WHERE recipient_domains.domain = own.domain AND expires_at > now())
    ORDER BY domain
    ON CONFLICT (domain) DO UPDATE SET mailbox_provider = excluded.mailbox_provider, found_by = excluded.found_by,
      checked_at = excluded.checked_at, expires_at = excluded.expires_at`

/** Stores that DNS did not answer. A domain's previous answer stays. Index: recipient_domains_pkey. */
export const postponeRecipientDomains = (db: Database, domains: readonly string[]): Promise<number> =>
  db.$executeRaw`
    INSERT INTO recipient_domains (domain, found_by, expires_at)
    SELECT domain, 'none', now() + ${retryAfterDays} * interval '1 day' FROM unnest(${[...domains]}::text[]) AS asked(domain)
    ORDER BY domain
    ON CONFLICT (domain) DO UPDATE SET checked_at = excluded.checked_at, expires_at = excluded.expires_at`

/** The mailbox providers of domains, as far as they are known by name. Index: recipient_domains_pkey. */
export async function readMailboxProviders(
  db: Database,
  domains: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (domains.length === 0) return new Map()
  const rows = await db.$queryRaw<{ domain: string; provider: string }[]>`
    SELECT domain, mailbox_provider AS provider FROM recipient_domains
    WHERE domain = ANY(${[...domains]}) AND mailbox_provider IS NOT NULL`
  return new Map(rows.map(({ domain, provider }) => [domain, provider]))
}
