/** TXT records, asked by DNS. */
import { Resolver } from 'node:dns/promises'

export interface DnsText {
  /**
   * The TXT records of a name, each with its strings joined (RFC 7208 §3.3). Empty if the name does not exist or has none.
   * @throws if DNS does not answer in time, or refuses.
   */
  textsOf(name: string): Promise<readonly string[]>
}

export interface DnsTextOptions {
  /** Addresses of DNS servers, each with a port if it is not 53; empty: those of the machine. */
  readonly servers: readonly string[]
  /** Of the first try; the second one waits for twice as long. In milliseconds. */
  readonly timeoutMs?: number
  readonly tries?: number
}

/** A name that does not exist, one without TXT records, and one that is none in DNS. */
const answersWithoutTexts: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])

/** Asks over UDP, and over TCP for an answer that was truncated (RFC 7766), as those of many keys are. */
export function createDnsText({ servers, timeoutMs = 1_000, tries = 2 }: DnsTextOptions): DnsText {
  const resolver = new Resolver({ timeout: timeoutMs, tries })
  if (servers.length > 0) resolver.setServers(servers)
  return {
    async textsOf(name) {
      try {
        return (await resolver.resolveTxt(name)).map((strings) => strings.join(''))
      } catch (error) {
        if (answersWithoutTexts.has((error as NodeJS.ErrnoException).code)) return []
        throw error
      }
    },
  }
}

/** The same, but what is not answered within `deadlineMs` from now counts as not answered. */
export function answeredWithin(dns: DnsText, deadlineMs: number): DnsText & { end(): void } {
  let end = () => {}
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`DNS did not answer within ${deadlineMs} ms`)), deadlineMs)
    end = () => clearTimeout(timer)
  })
  late.catch(() => {})
  return { textsOf: (name) => Promise.race([dns.textsOf(name), late]), end }
}

/** For a system that asks no DNS server. */
export const noDnsText: DnsText = {
  textsOf: async () => {
    throw new Error('DNS is not asked')
  },
}
