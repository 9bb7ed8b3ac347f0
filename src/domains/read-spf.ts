import { isSpfRecord, type PublishedSpf, type SpfProblem } from '../domain/published-dns.ts'
import { type SpfLookup, spfLookupLimit, spfMailHostLimit, spfTermsOf } from '../domain/spf.ts'
import type { Dns } from './dns.ts'

/** Records that are read for one domain, and names that are looked up: twice as many as receivers read, so that the excess can be shown. */
const maxRecords = 2 * spfLookupLimit

/** Reads the SPF record of a domain and those that it includes, and counts lookups as receivers do (RFC 7208 §4.6.4). */
export async function readSpf(dns: Dns, domain: string): Promise<PublishedSpf> {
  const records = await spfRecordsOf(dns, domain)
  const [record] = records ?? []
  const walk = createWalk(dns)
  if (record !== undefined && records?.length === 1) await walk.into(record, [domain])
  const found = await Promise.all(walk.names().map((each) => lookUp(dns, each)))
  const voidNames = found.flatMap((each) => (each.isVoid ? [each.name] : []))
  const problems = [...walk.problems, ...found.flatMap((each) => each.problem ?? [])]
  return { domain, records, lookups: walk.lookups(), voidNames: [...new Set(voidNames)], problems }
}

/** With its name. */
type NamedLookup = SpfLookup & { readonly name: string }

function createWalk(dns: Dns) {
  const problems: SpfProblem[] = []
  const named = new Map<string, NamedLookup>()
  let [lookups, read] = [0, 0]
  async function into(record: string, path: readonly string[]): Promise<void> {
    const { includes, redirect, otherLookups, lookups: own, unknown } = spfTermsOf(record)
    problems.push(...unknown.map((at) => ({ kind: 'syntax' as const, at })))
    lookups += otherLookups
    for (const { mechanism, name } of own) {
      const asked = name ?? path.at(-1) ?? ''
      named.set(`${mechanism} ${asked}`, { mechanism, name: asked })
    }
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
  return { into, problems, lookups: () => lookups, names: () => [...named.values()].slice(0, maxRecords) }
}

interface Found {
  readonly name: string
  readonly isVoid: boolean
  readonly problem?: SpfProblem
}

/**
 * What receivers find. A receiver asks `a` for the kind of address from which the mail came: void here is what has neither kind, so that it
 * is void for all. What DNS does not answer is not void.
 */
async function lookUp(dns: Dns, { mechanism, name }: NamedLookup): Promise<Found> {
  const types = mechanism === 'mx' ? (['MX'] as const) : mechanism === 'a' ? (['A', 'AAAA'] as const) : (['A'] as const)
  const answers = await Promise.all(types.map((type) => dns.recordsOf(name, type).catch(() => null)))
  const isVoid = answers.every((records) => records?.length === 0)
  const isOver = mechanism === 'mx' && (answers[0]?.length ?? 0) > spfMailHostLimit
  return { name, isVoid, ...(isOver && { problem: { kind: 'too_many_mail_hosts', at: name } }) }
}

const spfRecordsOf = (dns: Dns, name: string): Promise<readonly string[] | null> =>
  dns.recordsOf(name, 'TXT').then(
    (texts) => texts.filter(isSpfRecord),
    () => null,
  )
