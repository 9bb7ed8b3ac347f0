import { type DomainFinding, finding, type ReportedSource } from './finding.ts'

/** Of those that fail most. */
const shownSources = 5

/** Below this, a source is left to the list of sources. */
const leastFailing = 10

/**
 * Sources that authenticate as somebody else: a service that is not set up for the domain, or a forger. One finding for each such
 * somebody.
 */
export function sourceFindings(domain: string, sources: readonly ReportedSource[]): DomainFinding[] {
  const failing = new Map<string, { messages: number; addresses: string[] }>()
  for (const { sourceIp, messages, aligned, dkimDomain, spfDomain } of sources) {
    const name = dkimDomain ?? spfDomain
    // Its own name in a failing signature is a strict alignment or a contradiction of the receiver: no other service.
    if (name === null || messages === aligned || isWithin(name, domain)) continue
    const known = failing.get(name) ?? { messages: 0, addresses: [] }
    failing.set(name, { messages: known.messages + messages - aligned, addresses: [...known.addresses, sourceIp] })
  }
  return [...failing]
    .filter(([, { messages }]) => messages >= leastFailing)
    .sort(([, one], [, other]) => other.messages - one.messages)
    .slice(0, shownSources)
    .map(([name, { messages, addresses }]) =>
      finding(
        'sources',
        'warning',
        'source_not_aligned',
        `${messages.toLocaleString('en-US')} messages from ${addresses[0]}${addresses.length > 1 ? ` and ${addresses.length - 1} more` : ''} authenticate as ${name}, not as ${domain}: they fail DMARC.`,
        `If ${name} sends for you, set up DKIM with the domain ${domain} there (often called domain authentication), and a return path below it. If not, a stricter policy stops it.`,
      ),
    )
}

const isWithin = (name: string, domain: string): boolean => name === domain || name.endsWith(`.${domain}`)
