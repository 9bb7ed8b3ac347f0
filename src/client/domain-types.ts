/** The types of sending domains. Days are in UTC, as `2030-01-31`. */

export interface DomainTally {
  readonly messages: number
  /** Those that pass DMARC: DKIM or SPF passes for a matching domain. */
  readonly aligned: number
  readonly dkimAligned: number
  readonly spfAligned: number
  readonly quarantined: number
  readonly rejected: number
}

export type DmarcPolicyName = 'none' | 'quarantine' | 'reject'

/** What a domain published, as the last report has it. */
export interface DomainPolicy {
  readonly policy: DmarcPolicyName | null
  readonly subdomainPolicy: DmarcPolicyName | null
  readonly missingSubdomainPolicy: DmarcPolicyName | null
  readonly dkimAlignment: 'relaxed' | 'strict'
  readonly spfAlignment: 'relaxed' | 'strict'
  readonly percent: number | null
  readonly isTesting: boolean
}

export interface ListedDomain extends DomainTally {
  readonly domain: string
  /** aligned / messages; null without messages. */
  readonly passRate: number | null
  readonly lastDay: string
  readonly policy: DomainPolicy | null
}

export interface DomainFinding {
  readonly code: string
  readonly severity: 'error' | 'warning' | 'advice'
  readonly topic: 'dmarc' | 'spf' | 'dkim' | 'sources'
  readonly problem: string
  readonly change: string
  /** The TXT record to publish. */
  readonly record: { readonly name: string; readonly value: string } | null
}

export interface Domain extends DomainTally {
  readonly domain: string
  readonly since: string
  readonly passRate: number | null
  readonly policy: DomainPolicy | null
  readonly days: readonly (DomainTally & { readonly day: string; readonly policy: DmarcPolicyName | null })[]
  /** Those with most messages, at most 100. */
  readonly sources: readonly (DomainTally & {
    readonly sourceIp: string
    readonly firstDay: string
    readonly lastDay: string
    readonly dkimDomain: string | null
    readonly spfDomain: string | null
  })[]
  /** Records are null where DNS did not answer. */
  readonly published: {
    readonly dmarc: { readonly foundAt: string | null; readonly records: readonly string[] | null }
    readonly spf: readonly {
      readonly domain: string
      readonly records: readonly string[] | null
      readonly lookups: number
    }[]
    readonly keys: readonly {
      readonly domain: string
      readonly selector: string
      readonly records: readonly string[] | null
      readonly bits: number | null
    }[]
  }
  /** Worst first. */
  readonly findings: readonly DomainFinding[]
}
