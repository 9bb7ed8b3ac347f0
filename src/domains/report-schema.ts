/** What the elements of a report must be. Lenient where receivers deviate from RFC 7489 appendix C and RFC 9990; strict about what is counted. */
import { isIP } from 'node:net'
import { z } from 'zod'
import {
  type DmarcRecord,
  type DmarcReport,
  dmarcDispositions,
  dmarcPolicies,
  type PublishedPolicy,
} from '../domain/dmarc-report.ts'
import type { XmlElement } from './report-xml.ts'
import { UnreadableReportError } from './unreadable-report.ts'

const nameLength = 255

/** Removes what PostgreSQL cannot store. */
const line = z.string().transform((text) => text.toWellFormed().replaceAll('\u0000', '').slice(0, nameLength))
const required = line.refine((text) => text !== '', 'is missing')
const optional = line.transform((text) => text || null)
const word = line.transform((text) => text.toLowerCase())
/** Of an address, which some senders write, the domain alone: a report names no person. */
const domainIn = (text: string): string =>
  text
    .toLowerCase()
    .replace(/^.*@/, '')
    .replace(/[.>]+$/, '')
const domainName = required.transform(domainIn)

/** Null for another word. */
const knownWord = <const Word extends string>(words: readonly Word[]) =>
  word.transform((text): Word | null => words.find((known) => known === text) ?? null)
const policy = knownWord(dmarcPolicies)
const alignment = word.transform((text): 'relaxed' | 'strict' => (text === 's' ? 'strict' : 'relaxed'))

/** A sender may have counted to a million millions in a day, and no further. */
const count = required
  .transform(Number)
  .pipe(z.int('must be a whole number').min(0, 'must not be negative').max(1e12, 'is too large'))

/** Seconds since 1970, some with a fraction; some senders write a date. */
const instant = required
  .transform((text) => (/^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1_000) : Date.parse(text)))
  .pipe(z.number('must be a time').min(0).lt(Date.UTC(2100), 'must be before the year 2100'))

const metadataSchema = z.object({
  organization: optional,
  email: optional,
  reportId: required,
  beginsAt: instant,
  endsAt: instant,
})

const policySchema = z.object({
  domain: domainName,
  policy,
  subdomainPolicy: policy,
  missingSubdomainPolicy: policy,
  dkimAlignment: alignment,
  spfAlignment: alignment,
  percent: line.transform((text) => (/^(100|\d{1,2})$/.test(text) ? Number(text) : null)),
  isTesting: word.transform((text) => text === 'y'),
})

const recordSchema = z.object({
  sourceIp: line.refine((text) => isIP(text) !== 0, 'must be an IP address'),
  messages: count,
  disposition: knownWord(dmarcDispositions),
  isDkimAligned: word.transform((text) => text === 'pass'),
  isSpfAligned: word.transform((text) => text === 'pass'),
  overrides: z.array(word),
  headerFrom: domainName,
  envelopeFrom: optional.transform((text) => (text === null ? null : domainIn(text))),
  dkim: z.array(z.object({ domain: line.transform(domainIn), selector: optional, result: word })),
  spf: z.array(z.object({ domain: line.transform(domainIn), result: word })),
})

/** The elements with this path below the root. */
function allAt(root: XmlElement, ...path: readonly string[]): XmlElement[] {
  return path.reduce<XmlElement[]>(
    (found, name) => found.flatMap((each) => each.children.filter((it) => it.name === name)),
    [root],
  )
}

const textAt = (root: XmlElement, ...path: readonly string[]): string => allAt(root, ...path)[0]?.text ?? ''

/** The longest that a report may cover: receivers send them daily, some weekly. */
const longestPeriodMs = 100 * 86_400_000

/** @throws UnreadableReportError if what a report is about or counts for is missing. */
export function reportHeadOf(feedback: XmlElement): Omit<DmarcReport, 'records'> {
  const at = (...path: readonly string[]) => textAt(feedback, ...path)
  const { organization, email, reportId, beginsAt, endsAt } = parsed(metadataSchema, 'report_metadata', {
    organization: at('report_metadata', 'org_name'),
    email: at('report_metadata', 'email'),
    reportId: at('report_metadata', 'report_id'),
    beginsAt: at('report_metadata', 'date_range', 'begin'),
    endsAt: at('report_metadata', 'date_range', 'end'),
  })
  if (endsAt < beginsAt || endsAt - beginsAt > longestPeriodMs)
    throw new UnreadableReportError('date_range must end after it begins, and cover at most 100 days')
  const { domain, ...policy } = policyOf(feedback)
  // Some senders leave their name empty.
  const sender = organization ?? email?.replace(/^.*@/, '').replace(/>$/, '') ?? 'unknown'
  return { organization: sender, reportId, domain, beginsAt, endsAt, policy }
}

function policyOf(feedback: XmlElement): PublishedPolicy & { readonly domain: string } {
  const at = (name: string) => textAt(feedback, 'policy_published', name)
  return parsed(policySchema, 'policy_published', {
    domain: at('domain'),
    policy: at('p'),
    subdomainPolicy: at('sp'),
    missingSubdomainPolicy: at('np'),
    dkimAlignment: at('adkim'),
    spfAlignment: at('aspf'),
    percent: at('pct'),
    isTesting: at('testing'),
  })
}

/** @param position of the record, from 1. @throws UnreadableReportError if what it counts is missing. */
export function recordOf(record: XmlElement, position: number): DmarcRecord {
  const at = (...path: readonly string[]) => textAt(record, ...path)
  // A draft of RFC 7489 names them so.
  const identifier = (name: string) => at('identifiers', name) || at('identities', name)
  const results = (method: 'dkim' | 'spf') =>
    allAt(record, 'auth_results', method).map((each) => ({
      domain: textAt(each, 'domain'),
      selector: textAt(each, 'selector'),
      result: textAt(each, 'result'),
    }))
  return parsed(recordSchema, `record ${position}`, {
    sourceIp: at('row', 'source_ip'),
    messages: at('row', 'count'),
    disposition: at('row', 'policy_evaluated', 'disposition'),
    isDkimAligned: at('row', 'policy_evaluated', 'dkim'),
    isSpfAligned: at('row', 'policy_evaluated', 'spf'),
    overrides: allAt(record, 'row', 'policy_evaluated', 'reason')
      .map((each) => textAt(each, 'type'))
      .filter(Boolean),
    headerFrom: identifier('header_from'),
    envelopeFrom: identifier('envelope_from'),
    dkim: results('dkim').filter(({ domain }) => domain !== ''),
    spf: results('spf').filter(({ domain }) => domain !== ''),
  })
}

function parsed<T>(schema: z.ZodType<T>, what: string, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new UnreadableReportError(`${what}: ${issue?.path.join('.')} ${issue?.message}`)
}
