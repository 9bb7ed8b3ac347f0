/** What a sending domain publishes in DNS for SPF, DKIM and DMARC, as it was read. Null where DNS did not answer. */

export interface PublishedSpf {
  /** A domain of return paths. */
  readonly domain: string
  /** Its TXT records that begin with `v=spf1`. */
  readonly records: readonly string[] | null
  /** The DNS lookups that a receiver makes for the record, those of includes among them. */
  readonly lookups: number
  /** The names among them that have no records (void lookups). */
  readonly voidNames: readonly string[]
  readonly problems: readonly SpfProblem[]
}

export interface SpfProblem {
  /**
   * `syntax`: a term that RFC 7208 does not know. `no_record`: an include or redirect of a domain that has no SPF record. `loop`: an include
   * of itself. `unanswered`: DNS did not answer for an include. `too_many_mail_hosts`: `mx` of a domain with more MX records than receivers read.
   */
  readonly kind: 'syntax' | 'no_record' | 'loop' | 'unanswered' | 'too_many_mail_hosts'
  /** The term, or the domain. */
  readonly at: string
}

export interface PublishedKey {
  readonly domain: string
  readonly selector: string
  /** The TXT records at `<selector>._domainkey.<domain>`. */
  readonly records: readonly string[] | null
  /** Of an RSA key; null for another one, and if it cannot be read. */
  readonly bits: number | null
  /** Whether it has a key that can be read. */
  readonly isReadable: boolean
}

export interface PublishedDmarc {
  /** The domain that has the record: the one that was asked for, or the next above it that has one. Null: none has. */
  readonly foundAt: string | null
  /** Those that begin with `v=DMARC1`. */
  readonly records: readonly string[] | null
  /** The other organizations' domains to which reports go, and whether they publish that they accept them; null: DNS did not answer. */
  readonly externalReports: readonly { readonly domain: string; readonly isAccepted: boolean | null }[]
}

export interface PublishedDns {
  readonly domain: string
  readonly dmarc: PublishedDmarc
  readonly spf: readonly PublishedSpf[]
  readonly keys: readonly PublishedKey[]
}

/** The tags of a DKIM or DMARC record (RFC 6376 §3.2), names in lower case. The first of several with one name counts. */
export function tagsOf(record: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>()
  for (const part of record.split(';')) {
    const at = part.indexOf('=')
    const name = part.slice(0, at).trim().toLowerCase()
    if (at > 0 && !tags.has(name)) tags.set(name, part.slice(at + 1).trim())
  }
  return tags
}

/** The record with tags changed: null removes one. A new tag comes last. */
export function withTags(record: string, changes: Readonly<Record<string, string | null>>): string {
  const tags = new Map<string, string | null>([...tagsOf(record), ...Object.entries(changes)])
  return [...tags].flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`])).join('; ')
}

/** A TXT record is one for DMARC by its first tag (RFC 7489 §6.6.3). */
export const isDmarcRecord = (text: string): boolean => /^v\s*=\s*DMARC1\s*(;|$)/.test(text)

/** RFC 7208 §4.5. */
export const isSpfRecord = (text: string): boolean => /^v=spf1( |$)/i.test(text)
