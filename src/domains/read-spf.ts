import { isSpfRecord, type PublishedSpf, type SpfProblem } from '../domain/published-dns.ts'
import { spfTermsOf } from '../domain/spf.ts'
import type { DnsText } from './dns-text.ts'

/** Records that are read for one domain: twice as many as receivers read, so that the excess can be shown. */
const maxRecords = 20

/** Reads the SPF record of a domain and those that it includes, and counts lookups as receivers do (RFC 7208 §4.6.4). */
export async function readSpf(dns: DnsText, domain: string): Promise<PublishedSpf> {
  const records = await spfRecordsOf(dns, domain)
  const [record] = records ?? []
  const walk = createWalk(dns)
  if (record !== undefined && records?.length === 1) await walk.into(record, [domain])
  return { domain, records, lookups: walk.lookups(), problems: walk.problems }
}

function createWalk(dns: DnsText) {
  const problems: SpfProblem[] = []
  let [lookups, read] = [0, 0]
  async function into(record: string, path: readonly string[]): Promise<void> {
    const { includes, redirect, otherLookups, unknown } = spfTermsOf(record)
    problems.push(...unknown.map((at) => ({ kind: 'syntax' as const, at })))
    lookups += otherLookups
    for (const target of redirect === null ? includes : [...includes, redirect]) {
      lookups += 1
      if (path.includes(target)) problems.push({ kind: 'loop', at: target })
      else if (read < maxRecords) await follow(target, path)
    }
  }
  async function follow(target: string, path: readonly string[]): Promise<void> {
    read += 1
    const records = await spfRecordsOf(dns, target)
    const [record] = records ?? []
    if (records === null) problems.push({ kind: 'unanswered', at: target })
    else if (record === undefined || records.length > 1) problems.push({ kind: 'no_record', at: target })
    else await into(record, [...path, target])
  }
  return { into, problems, lookups: () => lookups }
}

const spfRecordsOf = (dns: DnsText, name: string): Promise<readonly string[] | null> =>
  dns.textsOf(name).then(
    (texts) => texts.filter(isSpfRecord),
    () => null,
  )
