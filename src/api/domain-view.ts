/** A sending domain: what DMARC reports say of it, what DNS publishes, and what to change. For the API and the dashboard. */
import { domainToASCII } from 'node:url'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import {
  type DmarcTally,
  type DomainDay,
  type DomainPeriod,
  type ReportedDomain,
  readDomainDays,
  readDomainSources,
  readReturnPaths,
  readSigningKeys,
} from '../db/dmarc-reports.ts'
import { inTime } from '../db/request-deadline.ts'
import { dmarcPolicies } from '../domain/dmarc-report.ts'
import { findingSeverities, findingTopics } from '../domain/domain-advice/finding.ts'
import { domainFindings } from '../domain/domain-advice.ts'
import type { Dns } from '../domains/dns.ts'
import { readPublishedDns } from '../domains/read-published-dns.ts'
import { text } from '../http/input.ts'

const dayMs = 86_400_000

/** A host name with at least two labels, as it is in DNS. */
export const domainName = text(255)
  .transform((written) => domainToASCII(written.trim()).replace(/\.$/, ''))
  .refine(
    (name) => /^(?=.{3,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$/.test(name),
    'must be a domain such as example.com',
  )

/** The first day (UTC) of a period that begins at `since`. @param since epoch milliseconds. */
export const dayOf = (since: number): string => new Date(since).toISOString().slice(0, 10)

/** How far back figures go where the request does not say. */
export const defaultPeriodMs = 30 * dayMs

const [maxSources, maxKeys, maxReturnPaths] = [100, 10, 5]

/** Keys and return paths of the last days: what a provider has replaced since is nobody's fault. */
const recentMs = 4 * dayMs

const share = z.number().min(0).max(1).nullable()
const tally = {
  messages: z.int(),
  aligned: z.int().describe('Those that pass DMARC: DKIM or SPF passes for a matching domain.'),
  dkimAligned: z.int(),
  spfAligned: z.int(),
  quarantined: z.int().describe('What receivers put into spam folders.'),
  rejected: z.int(),
}
const policyWord = z.enum(dmarcPolicies).nullable()
const policy = z
  .strictObject({
    policy: policyWord,
    subdomainPolicy: policyWord,
    missingSubdomainPolicy: policyWord,
    dkimAlignment: z.enum(['relaxed', 'strict']),
    spfAlignment: z.enum(['relaxed', 'strict']),
    percent: z.int().nullable(),
    isTesting: z.boolean(),
  })
  .nullable()
  .describe('As the last report has it; null without one.')

export const listedDomain = z.strictObject({
  domain: z.string(),
  ...tally,
  passRate: share.describe('aligned / messages; null without messages.'),
  lastDay: z.iso.date().describe('Of the last report.'),
  policy,
})

const finding = z.strictObject({
  code: z.string(),
  severity: z.enum(findingSeverities),
  topic: z.enum(findingTopics),
  problem: z.string(),
  change: z.string(),
  record: z.strictObject({ name: z.string(), value: z.string() }).nullable().describe('The TXT record to publish.'),
})

const records = z.array(z.string()).nullable().describe('Null: DNS did not answer.')

export const domainAnswer = z.strictObject({
  domain: z.string(),
  since: z.iso.date(),
  ...tally,
  passRate: share,
  policy,
  days: z.array(z.strictObject({ day: z.iso.date(), policy: policyWord, ...tally })),
  sources: z
    .array(
      z.strictObject({
        ...{ sourceIp: z.string(), ...tally, firstDay: z.iso.date(), lastDay: z.iso.date() },
        dkimDomain: z.string().nullable().describe('Of its signatures that pass.'),
        spfDomain: z.string().nullable().describe('For which SPF passes.'),
      }),
    )
    .describe('Those with most messages, at most 100.'),
  published: z.strictObject({
    dmarc: z.strictObject({ foundAt: z.string().nullable(), records }),
    spf: z.array(z.strictObject({ domain: z.string(), records, lookups: z.int() })),
    keys: z.array(z.strictObject({ domain: z.string(), selector: z.string(), records, bits: z.int().nullable() })),
  }),
  findings: z.array(finding).describe('Worst first.'),
})

export type DomainView = z.output<typeof domainAnswer>

export const listedView = (row: ReportedDomain): z.output<typeof listedDomain> => ({
  ...row,
  passRate: rateOf(row),
})

const rateOf = ({ messages, aligned }: DmarcTally): number | null => (messages === 0 ? null : aligned / messages)

interface DomainDependencies {
  readonly db: Database
  readonly dns: Dns
}

/**
 * Reads reports and DNS. What DNS does not answer within 4 seconds is a finding.
 * @throws DatabaseUnavailableError
 */
export async function readDomain({ db, dns }: DomainDependencies, period: DomainPeriod): Promise<DomainView> {
  const { domain, since } = period
  const [days, sources] = await inTime(() =>
    Promise.all([readDomainDays(db, period), readDomainSources(db, period, maxSources)]),
  )
  const recent = { domain, since: recentSince(days, since) }
  const [keys, returnPaths] = await inTime(() =>
    Promise.all([readSigningKeys(db, recent, maxKeys), readReturnPaths(db, recent, maxReturnPaths)]),
  )
  const question = { domain, keys, returnPaths: returnPaths.map((each) => each.domain) }
  const published = await readPublishedDns(dns, question)
  const total = totalOf(days)
  const reported = days.length === 0 ? null : total
  const { dmarc, spf } = published
  return {
    ...{ domain, since, ...total, passRate: rateOf(total), policy: days.at(-1)?.policy ?? null },
    days: days.map((day) => ({ ...day, policy: day.policy?.policy ?? null })),
    sources: [...sources],
    published: {
      dmarc: { foundAt: dmarc.foundAt, records: copied(dmarc.records) },
      spf: spf.map((each) => ({ domain: each.domain, records: copied(each.records), lookups: each.lookups })),
      keys: published.keys.map(({ isReadable: _, ...key }) => ({ ...key, records: copied(key.records) })),
    },
    findings: domainFindings({ published, reported, sources }),
  }
}

const copied = (found: readonly string[] | null): string[] | null => found && [...found]

function recentSince(days: readonly DomainDay[], since: string): string {
  const last = days.at(-1)?.day
  const recent = last === undefined ? since : dayOf(Date.parse(last) - recentMs)
  return recent > since ? recent : since
}

function totalOf(days: readonly DmarcTally[]): DmarcTally {
  const sum = (key: keyof DmarcTally) => days.reduce((total, day) => total + day[key], 0)
  return {
    messages: sum('messages'),
    aligned: sum('aligned'),
    dkimAligned: sum('dkimAligned'),
    spfAligned: sum('spfAligned'),
    quarantined: sum('quarantined'),
    rejected: sum('rejected'),
  }
}
