/** A DMARC aggregate report (RFC 7489 appendix C, RFC 9990): what a receiver saw of the mail that names a domain in its From header. */

/** What receivers do with a message that fails. `pass` is of RFC 9990: it did not fail. */
export const dmarcDispositions = ['none', 'pass', 'quarantine', 'reject'] as const
type DmarcDisposition = (typeof dmarcDispositions)[number]

export const dmarcPolicies = ['none', 'quarantine', 'reject'] as const
type DmarcPolicy = (typeof dmarcPolicies)[number]

/** Null where the report does not say. */
export interface PublishedPolicy {
  readonly policy: DmarcPolicy | null
  readonly subdomainPolicy: DmarcPolicy | null
  /** Of subdomains that do not exist (`np`, RFC 9091 and RFC 9989). */
  readonly missingSubdomainPolicy: DmarcPolicy | null
  readonly dkimAlignment: 'relaxed' | 'strict'
  readonly spfAlignment: 'relaxed' | 'strict'
  /** The share of failing messages that the policy applies to, in percent (`pct`, not in RFC 9989). */
  readonly percent: number | null
  /** Whether the domain asks not to apply the policy yet (`t=y` of RFC 9989). */
  readonly isTesting: boolean
}

interface DkimResult {
  readonly domain: string
  readonly selector: string | null
  /** A word of RFC 8601 §2.7.1, in lower case: pass, fail, none, policy, neutral, temperror, permerror. */
  readonly result: string
}

interface SpfResult {
  readonly domain: string
  /** A word of RFC 8601 §2.7.2, in lower case. */
  readonly result: string
}

/** Messages of one source with the same results. */
export interface DmarcRecord {
  readonly sourceIp: string
  readonly messages: number
  /** Null for a word that neither RFC knows. */
  readonly disposition: DmarcDisposition | null
  /** Whether DKIM passed with a domain that matches the one of the From header. */
  readonly isDkimAligned: boolean
  readonly isSpfAligned: boolean
  /** Why the receiver did not apply the policy: words such as `forwarded`, `mailing_list`, `local_policy`. */
  readonly overrides: readonly string[]
  readonly headerFrom: string
  readonly envelopeFrom: string | null
  readonly dkim: readonly DkimResult[]
  readonly spf: readonly SpfResult[]
}

export interface DmarcReport {
  /** Who sends the report. */
  readonly organization: string
  /** Unique for the organization and domain: a repeat of the report has the same. */
  readonly reportId: string
  /** Where the policy was found: the From header's domain or one above it. In lower case. */
  readonly domain: string
  /** Epoch milliseconds. */
  readonly beginsAt: number
  readonly endsAt: number
  readonly policy: PublishedPolicy
  readonly records: readonly DmarcRecord[]
}

/**
 * The day (UTC) that a report counts for, as `2030-01-31`: that of its middle, since receivers east and west of UTC begin at their own
 * midnight.
 */
export const dayOfReport = ({ beginsAt, endsAt }: Pick<DmarcReport, 'beginsAt' | 'endsAt'>): string =>
  new Date((beginsAt + endsAt) / 2).toISOString().slice(0, 10)
