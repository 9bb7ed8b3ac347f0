/** What is wrong with a sending domain, and what to change. */

/** `error`: mail is refused or forged today. `warning`: it will be, or some of it. `advice`: it could be better. */
export const findingSeverities = ['error', 'warning', 'advice'] as const
export type FindingSeverity = (typeof findingSeverities)[number]

export const findingTopics = ['dmarc', 'spf', 'dkim', 'sources'] as const
export type FindingTopic = (typeof findingTopics)[number]

/** A TXT record as it is to be published. */
export interface DnsRecord {
  readonly name: string
  readonly value: string
}

export interface DomainFinding {
  /** In snake case, unique for a kind of finding. */
  readonly code: string
  readonly severity: FindingSeverity
  readonly topic: FindingTopic
  readonly problem: string
  readonly change: string
  /** The record that solves it; null where none does, or where only the provider knows it. */
  readonly record: DnsRecord | null
}

/** A finding without a record. */
export const finding = (
  topic: FindingTopic,
  severity: FindingSeverity,
  code: string,
  problem: string,
  change: string,
  record: DnsRecord | null = null,
): DomainFinding => ({ code, severity, topic, problem, change, record })

/** For what DNS did not say. */
export const unanswered = (topic: FindingTopic, name: string): DomainFinding =>
  finding(
    topic,
    'warning',
    'dns_unanswered',
    `DNS did not answer for ${name}.`,
    'Load this again. If it stays so, check the name servers of the domain, and DNS_SERVERS.',
  )

/** What reports say of a domain, or of one of its sources. A message passes DMARC if it is aligned by DKIM or SPF. */
export interface ReportedMail {
  readonly messages: number
  readonly aligned: number
  readonly dkimAligned: number
  readonly spfAligned: number
}

export interface ReportedSource extends ReportedMail {
  readonly sourceIp: string
  /** The domain of its signatures that pass, and the one for which SPF passes; null for none. */
  readonly dkimDomain: string | null
  readonly spfDomain: string | null
}
