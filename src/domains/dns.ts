/** What DNS answers. */
import { Resolver } from 'node:dns/promises'

type DnsType = 'TXT' | 'MX' | 'A' | 'AAAA'

export interface Dns {
  /**
   * The records of a name: of TXT the texts, each with its strings joined (RFC 7208 §3.3); of MX the hosts; of A and AAAA the addresses.
   * Empty if the name does not exist or has none.
   * @throws if DNS does not answer in time, or refuses.
   */
  recordsOf(name: string, type: DnsType): Promise<readonly string[]>
}

export interface DnsOptions {
  /** Addresses of DNS servers, each with a port if it is not 53; empty: those of the machine. */
  readonly servers: readonly string[]
  /** Of the first try; the second one waits for twice as long. In milliseconds. */
  readonly timeoutMs?: number
  readonly tries?: number
}

/** A name that does not exist, one without such records, and one that is none in DNS. */
const answersWithoutRecords: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])

/** Asks over UDP, and over TCP for an answer that was truncated (RFC 7766), as those of many keys are. */
export function createDns({ servers, timeoutMs = 1_000, tries = 2 }: DnsOptions): Dns {
  const resolver = new Resolver({ timeout: timeoutMs, tries })
  if (servers.length > 0) resolver.setServers(servers)
  const ask: Readonly<Record<DnsType, (name: string) => Promise<string[]>>> = {
    TXT: async (name) => (await resolver.resolveTxt(name)).map((strings) => strings.join('')),
    MX: async (name) => (await resolver.resolveMx(name)).map(({ exchange }) => exchange),
    A: (name) => resolver.resolve4(name),
    AAAA: (name) => resolver.resolve6(name),
  }
  return {
    async recordsOf(name, type) {
      try {
        return await ask[type](name)
      } catch (error) {
        if (answersWithoutRecords.has((error as NodeJS.ErrnoException).code)) return []
        throw error
      }
    },
  }
}

/** The same, but what is not answered within `deadlineMs` from now counts as not answered. */
export function answeredWithin(dns: Dns, deadlineMs: number): Dns & { end(): void } {
  let end = () => {}
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`DNS did not answer within ${deadlineMs} ms`)), deadlineMs)
    end = () => clearTimeout(timer)
  })
  late.catch(() => {})
  return { recordsOf: (name, type) => Promise.race([dns.recordsOf(name, type), late]), end }
}

/** For a system that asks no DNS server. */
export const noDns: Dns = {
  recordsOf: async () => {
    throw new Error('DNS is not asked')
  },
}
