/** The mail servers of domains, asked by DNS. */
import { Resolver } from 'node:dns/promises'
import { domainToASCII } from 'node:url'

export interface MailServers {
  /**
   * The hosts of the domain's MX records, in the order of preference. Empty if the domain does not exist, has no MX records, or a null
   * MX (RFC 7505), which says that it accepts no email.
   * @throws if DNS does not answer in time, or refuses.
   */
  hostsOf(domain: string): Promise<readonly string[]>
}

export interface MailServersOptions {
  /** Addresses of DNS servers, each with a port if it is not 53; empty: those of the machine. */
  readonly servers: readonly string[]
  /** Of the first try; the second one waits for twice as long. In milliseconds. */
  readonly timeoutMs?: number
  readonly tries?: number
}

/** Answers that a domain has no MX records: a name that does not exist, and one without any. Its addresses may still accept email (RFC 5321 §5.1). */
const answersWithoutHosts: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA'])

/** One that is not a host name in DNS is not asked for, such as the remainder of an unusual address. */
const hostName = /^(?=.{4,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$/

/** Asks over UDP, and over TCP for an answer that was truncated (RFC 7766). */
export function createMailServers({ servers, timeoutMs = 1_500, tries = 2 }: MailServersOptions): MailServers {
  const resolver = new Resolver({ timeout: timeoutMs, tries })
  if (servers.length > 0) resolver.setServers(servers)
  return {
    async hostsOf(domain) {
      const name = domainToASCII(domain)
      if (!hostName.test(name)) return []
      try {
        const records = await resolver.resolveMx(name)
        return records
          .toSorted((one, other) => one.priority - other.priority)
          .map(({ exchange }) => exchange)
          .filter((host) => host !== '' && host !== '.')
      } catch (error) {
        if (answersWithoutHosts.has((error as NodeJS.ErrnoException).code)) return []
        throw error
      }
    },
  }
}
