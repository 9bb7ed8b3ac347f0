/** Statements that store DMARC aggregate reports, and read what they say of a domain. Days are in UTC, as `2030-01-31`. */
import { type DmarcReport, dayOfReport, type PublishedPolicy } from '../domain/dmarc-report.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { Prisma } from './generated/client.ts'

type Transaction = Prisma.TransactionClient

/** Rows of one INSERT: 0.2 seconds. */
const recordsPerInsert = 5_000

/** Of a report with 50,000 rows, on a slow disk. */
const storingTimeoutMs = 10_000

/**
 * Stores reports, each whole or not at all. A report that is stored already, by organization, report ID and domain, is not counted again.
 * Index: dmarc_reports_project_organization_report_id_domain_key.
 * @param project whose mail the reports are about.
 * @param authenticatedAs the domain that vouches for the mail which brought them; empty: none does; null: nothing says so.
 */
export async function storeDmarcReports(
  db: Database,
  project: string,
  reports: readonly DmarcReport[],
  authenticatedAs: string | null = null,
): Promise<{ readonly stored: number; readonly repeated: number }> {
  let stored = 0
  for (const report of reports) {
    const isNew = await db.$transaction(
      (transaction) => storeReport(transaction, { project, authenticatedAs }, report),
      {
        ...{ maxWait: 1_500, timeout: storingTimeoutMs },
      },
    )
    if (isNew) stored += 1
  }
  return { stored, repeated: reports.length - stored }
}

async function storeReport(
  db: Transaction,
  { project, authenticatedAs }: { readonly project: string; readonly authenticatedAs: string | null },
  report: DmarcReport,
): Promise<boolean> {
  const { organization, reportId, domain, beginsAt, endsAt, policy, records } = report
  const [row] = await db.$queryRaw<{ id: bigint }[]>`
    INSERT INTO dmarc_reports (project, organization, report_id, domain, begins_at, ends_at, day, policy, authenticated_as)
    VALUES (${project}, ${organization}, ${reportId}, ${domain}, ${iso(beginsAt)}::timestamptz, ${iso(endsAt)}::timestamptz,
            ${dayOfReport(report)}::date, ${JSON.stringify(policy)}::jsonb, ${authenticatedAs})
    ON CONFLICT (project, organization, report_id, domain) DO NOTHING RETURNING id`
  if (row === undefined) return false
  for (let first = 0; first < records.length; first += recordsPerInsert)
    await storeRecords(db, row.id, first, records.slice(first, first + recordsPerInsert))
  return true
}

const storeRecords = (db: Transaction, id: bigint, first: number, records: DmarcReport['records']) =>
  db.$executeRaw`
    INSERT INTO dmarc_records (dmarc_report_id, position, project, domain, day, source_ip, messages, disposition, is_dkim_aligned,
                               is_spf_aligned, overrides, header_from, envelope_from, auth_results)
    SELECT id, ${first}::int + at, project, domain, day, source_ip, messages, disposition, is_dkim_aligned, is_spf_aligned,
           string_to_array(overrides, ' '), header_from, envelope_from, auth_results
    FROM dmarc_reports, unnest(
      ${records.map(({ sourceIp }) => sourceIp)}::inet[], ${records.map(({ messages }) => BigInt(messages))}::bigint[],
      ${records.map(({ disposition }) => disposition)}::text[], ${records.map((it) => it.isDkimAligned)}::boolean[],
      ${records.map((it) => it.isSpfAligned)}::boolean[], ${records.map((it) => it.overrides.join(' '))}::text[],
      ${records.map(({ headerFrom }) => headerFrom)}::text[], ${records.map(({ envelopeFrom }) => envelopeFrom)}::text[],
      ${records.map(({ dkim, spf }) => JSON.stringify({ dkim, spf }))}::jsonb[]
    ) WITH ORDINALITY AS record(source_ip, messages, disposition, is_dkim_aligned, is_spf_aligned, overrides, header_from,
                                envelope_from, auth_results, at)
    WHERE id = ${id}`

/** What the messages of a day, a source or a domain come to. A message is aligned if DKIM or SPF is: then it passes DMARC. */
export interface DmarcTally {
  readonly messages: number
  readonly aligned: number
  readonly dkimAligned: number
  readonly spfAligned: number
  /** What receivers did to messages that failed. */
  readonly quarantined: number
  readonly rejected: number
}

/** Sums are numbers, exact to 2^53. */
const tally = Prisma.sql`
  coalesce(sum(messages), 0)::float8 AS messages,
  coalesce(sum(messages) FILTER (WHERE is_dkim_aligned OR is_spf_aligned), 0)::float8 AS aligned,
  coalesce(sum(messages) FILTER (WHERE is_dkim_aligned), 0)::float8 AS "dkimAligned",
  coalesce(sum(messages) FILTER (WHERE is_spf_aligned), 0)::float8 AS "spfAligned",
  coalesce(sum(messages) FILTER (WHERE disposition = 'quarantine'), 0)::float8 AS quarantined,
  coalesce(sum(messages) FILTER (WHERE disposition = 'reject'), 0)::float8 AS rejected`

export interface ReportedDomain extends DmarcTally {
  readonly domain: string
  readonly lastDay: string
  /** As the latest report has it. */
  readonly policy: PublishedPolicy
}

/**
 * A page of the domains that reports are about, in alphabetical order, with their messages since a day. Reads one index entry for each
 * domain, and the records since that day. Indexes: dmarc_reports_domain_day_idx, dmarc_records_domain_day_idx.
 * @param after the last domain of the page before; empty for the first.
 */
export const listDmarcDomains = (
  db: Database,
  { since, after, limit }: { readonly since: string; readonly after: string; readonly limit: number },
): Promise<ReportedDomain[]> =>
  db.$queryRaw`
    WITH RECURSIVE walked AS (
      (SELECT domain FROM dmarc_reports WHERE domain > ${after} ORDER BY domain LIMIT 1)
      UNION ALL
      SELECT (SELECT domain FROM dmarc_reports WHERE domain > walked.domain ORDER BY domain LIMIT 1)
      FROM walked WHERE walked.domain IS NOT NULL
    ), page AS MATERIALIZED (
      SELECT domain FROM walked WHERE domain IS NOT NULL LIMIT ${limit}
    )
    SELECT page.domain, latest.day::text AS "lastDay", latest.policy, sums.*
    FROM page
    CROSS JOIN LATERAL (
      SELECT day, policy FROM dmarc_reports WHERE domain = page.domain ORDER BY day DESC LIMIT 1
    ) AS latest
    CROSS JOIN LATERAL (
      SELECT ${tally} FROM dmarc_records WHERE domain = page.domain AND day >= ${since}::date
    ) AS sums
    ORDER BY page.domain`

/** A domain since a day. */
export interface DomainPeriod {
  readonly domain: string
  readonly since: string
}

export interface DomainDay extends DmarcTally {
  readonly day: string
  /** As the day's last report has it. */
  readonly policy: PublishedPolicy | null
}

/** Each day with records, oldest first. Indexes: dmarc_records_domain_day_idx, dmarc_reports_domain_day_idx. */
export const readDomainDays = (db: Database, { domain, since }: DomainPeriod): Promise<DomainDay[]> =>
  db.$queryRaw`
    SELECT sums.day::text AS day, policies.policy, sums.messages, aligned, "dkimAligned", "spfAligned", quarantined, rejected
    FROM (
      SELECT day, ${tally} FROM dmarc_records WHERE domain = ${domain} AND day >= ${since}::date GROUP BY day
    ) AS sums
    LEFT JOIN (
      SELECT DISTINCT ON (day) day, policy FROM dmarc_reports WHERE domain = ${domain} AND day >= ${since}::date
      ORDER BY day, ends_at DESC, id DESC
    ) AS policies USING (day)
    ORDER BY sums.day`

export interface DomainSource extends DmarcTally {
  readonly sourceIp: string
  readonly firstDay: string
  readonly lastDay: string
  /** The domain of most of its signatures that pass: who sends. Null: none passes. */
  readonly dkimDomain: string | null
  /** The domain for which SPF passes. Null: for none. */
  readonly spfDomain: string | null
}

/** The sources with most messages. Index: dmarc_records_domain_day_idx. */
export const readDomainSources = (
  db: Database,
  { domain, since }: DomainPeriod,
  limit: number,
): Promise<DomainSource[]> =>
  db.$queryRaw`
    SELECT host(source_ip) AS "sourceIp", min(day)::text AS "firstDay", max(day)::text AS "lastDay", ${tally},
           mode() WITHIN GROUP (ORDER BY ${passing('dkim')}) AS "dkimDomain", mode() WITHIN GROUP (ORDER BY ${passing('spf')}) AS "spfDomain"
    FROM dmarc_records WHERE domain = ${domain} AND day >= ${since}::date
    GROUP BY source_ip ORDER BY sum(messages) DESC, source_ip LIMIT ${limit}`

const passing = (method: 'dkim' | 'spf'): Prisma.Sql =>
  Prisma.raw(`jsonb_path_query_first(auth_results, '$.${method}[*] ? (@.result == "pass").domain') #>> '{}'`)

export interface Reporter {
  readonly organization: string
  /** As in {@link storeDmarcReports}. */
  readonly authenticatedAs: string | null
  readonly reports: number
  readonly lastDay: string
}

/** Who sent the reports, by who vouches for them; those with most reports. Index: dmarc_reports_domain_day_idx. */
export const readReporters = (db: Database, { domain, since }: DomainPeriod, limit: number): Promise<Reporter[]> =>
  db.$queryRaw`
    SELECT organization, authenticated_as AS "authenticatedAs", count(*)::int AS reports, max(day)::text AS "lastDay"
    FROM dmarc_reports WHERE domain = ${domain} AND day >= ${since}::date
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ${limit}`

/** A key that signs for a domain or one below it. */
export interface SeenKey {
  readonly domain: string
  readonly selector: string
  readonly messages: number
}

/** The keys that signed most messages of the domain, of its own and of domains below it. Index: dmarc_records_domain_day_idx. */
export const readSigningKeys = (db: Database, { domain, since }: DomainPeriod, limit: number): Promise<SeenKey[]> =>
  db.$queryRaw`
    SELECT signature ->> 'domain' AS domain, signature ->> 'selector' AS selector, sum(messages)::float8 AS messages
    FROM dmarc_records CROSS JOIN jsonb_array_elements(auth_results -> 'dkim') AS signature
    WHERE dmarc_records.domain = ${domain} AND day >= ${since}::date AND signature ->> 'selector' IS NOT NULL
      AND ${isWithin(Prisma.sql`signature ->> 'domain'`, domain)}
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ${limit}`

/** The domains of return paths, of its own and below it, by their messages. Index: dmarc_records_domain_day_idx. */
export const readReturnPaths = (
  db: Database,
  { domain, since }: DomainPeriod,
  limit: number,
): Promise<{ readonly domain: string; readonly messages: number }[]> =>
  db.$queryRaw`
    SELECT result ->> 'domain' AS domain, sum(messages)::float8 AS messages
    FROM dmarc_records CROSS JOIN jsonb_array_elements(auth_results -> 'spf') AS result
    WHERE dmarc_records.domain = ${domain} AND day >= ${since}::date AND ${isWithin(Prisma.sql`result ->> 'domain'`, domain)}
    GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${limit}`

const isWithin = (name: Prisma.Sql, domain: string): Prisma.Sql =>
  Prisma.sql`(${name} = ${domain} OR right(${name}, ${domain.length + 1}::int) = ${`.${domain}`})`

/** Deletes reports that were received before `before` (epoch milliseconds), with their records. Indexes: dmarc_reports_received_at_idx, dmarc_records_pkey. */
export async function deleteOldDmarcReports(db: Database, before: number, limit: number): Promise<number> {
  return db.$executeRaw`
    DELETE FROM dmarc_reports WHERE id = ANY(ARRAY(
      SELECT id FROM dmarc_reports WHERE received_at < ${iso(before)}::timestamptz ORDER BY received_at LIMIT ${limit}))`
}
