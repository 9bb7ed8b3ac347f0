/** What to change about a sending domain, from what DNS publishes and what DMARC reports say. */
import { dkimFindings, unsignedFindings } from './domain-advice/dkim.ts'
import { dmarcFindings } from './domain-advice/dmarc.ts'
import {
  type DomainFinding,
  findingSeverities,
  type ReportedMail,
  type ReportedSource,
} from './domain-advice/finding.ts'
import { sourceFindings } from './domain-advice/sources.ts'
import { spfFindings } from './domain-advice/spf.ts'
import type { PublishedDns } from './published-dns.ts'

export interface DomainFacts {
  readonly published: PublishedDns
  /** Null: there are no reports. */
  readonly reported: ReportedMail | null
  readonly sources: readonly ReportedSource[]
}

/** Worst first. */
export function domainFindings({ published, reported, sources }: DomainFacts): DomainFinding[] {
  const { domain, dmarc, spf, keys } = published
  const found = [
    ...dmarcFindings(domain, dmarc, reported),
    ...spf.flatMap((each) => spfFindings(each, each.domain === domain ? sources : [])),
    ...keys.flatMap(dkimFindings),
    ...unsignedFindings(domain, reported),
    ...sourceFindings(domain, sources),
  ]
  const rank = ({ severity }: DomainFinding) => findingSeverities.indexOf(severity)
  return found.sort((one, other) => rank(one) - rank(other))
}
