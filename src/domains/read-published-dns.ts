/** Reads what a sending domain publishes. Each part stands for itself: what DNS does not answer is null, and the others are read. */
import { getDomain } from 'tldts'
import { acceptsReports } from '../domain/domain-advice/dmarc.ts'
import {
  isDmarcRecord,
  type PublishedDmarc,
  type PublishedDns,
  type PublishedKey,
  tagsOf,
} from '../domain/published-dns.ts'
import { dkimKeyOf } from './dkim-key.ts'
import { answeredWithin, type Dns } from './dns.ts'
import { readSpf } from './read-spf.ts'

export interface PublishedQuestion {
  readonly domain: string
  /** Domains of return paths, besides the domain itself. */
  readonly returnPaths: readonly string[]
  /** Selectors that have signed for the domain or one below it. */
  readonly keys: readonly { readonly domain: string; readonly selector: string }[]
}

/** A person waits for the answer. */
const deadlineMs = 4_000

/** @returns within 4 seconds. */
export async function readPublishedDns(
  dns: Dns,
  { domain, returnPaths, keys }: PublishedQuestion,
): Promise<PublishedDns> {
  const inTime = answeredWithin(dns, deadlineMs)
  try {
    const [dmarc, spf, found] = await Promise.all([
      readDmarc(inTime, domain),
      Promise.all([...new Set([domain, ...returnPaths])].map((each) => readSpf(inTime, each))),
      Promise.all(keys.map((key) => readKey(inTime, key))),
    ])
    return { domain, dmarc, spf, keys: found }
  } finally {
    inTime.end()
  }
}

/** The public suffix list has the names below which organizations register theirs; also those of services, such as github.io. */
const organizationOf = (domain: string): string => getDomain(domain, { allowPrivateDomains: true }) ?? domain

/**
 * The record of the domain, or of the next domain above it up to the organization's: RFC 7489 §6.6.3 asks for the organization's alone,
 * RFC 9989 §4.10 for each between.
 */
async function readDmarc(dns: Dns, domain: string): Promise<PublishedDmarc> {
  const organization = organizationOf(domain)
  for (let asked = domain; ; asked = asked.slice(asked.indexOf('.') + 1)) {
    const records = await orNull(dns.recordsOf(`_dmarc.${asked}`, 'TXT'))
    if (records === null) return { foundAt: null, records: null, externalReports: [] }
    const found = records.filter(isDmarcRecord)
    if (found.length > 0)
      return { foundAt: asked, records: found, externalReports: await readExternal(dns, asked, found[0] ?? '') }
    if (asked === organization || !asked.endsWith(`.${organization}`))
      return { foundAt: null, records: [], externalReports: [] }
  }
}

/** Destinations that are asked about. */
const maxDestinations = 5

/** The other organizations that the record sends reports to (RFC 7489 §7.1, RFC 9990 §4). */
async function readExternal(dns: Dns, domain: string, record: string): Promise<PublishedDmarc['externalReports']> {
  const destinations = (tagsOf(record).get('rua') ?? '')
    .split(',')
    .map((uri) => /^\s*mailto:[^@]+@([^!?\s]+)/i.exec(uri)?.[1]?.toLowerCase() ?? '')
    .filter((host) => host !== '' && organizationOf(host) !== organizationOf(domain))
  return Promise.all(
    [...new Set(destinations)].slice(0, maxDestinations).map(async (destination) => {
      const records = await orNull(dns.recordsOf(`${domain}._report._dmarc.${destination}`, 'TXT'))
      return { domain: destination, isAccepted: records && acceptsReports(records) }
    }),
  )
}

async function readKey(dns: Dns, { domain, selector }: PublishedQuestion['keys'][number]): Promise<PublishedKey> {
  const records = await orNull(dns.recordsOf(`${selector}._domainkey.${domain}`, 'TXT'))
  const key = records?.[0] === undefined ? null : dkimKeyOf(records[0])
  return { domain, selector, records, bits: key?.bits ?? null, isReadable: key !== null }
}

const orNull = <T>(asked: Promise<T>): Promise<T | null> => asked.catch(() => null)
