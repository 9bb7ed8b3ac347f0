/** `/v1/domains`: sending domains by their DMARC reports and by what they publish in DNS. */
import type { Context } from 'koa'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { listDmarcDomains } from '../db/dmarc-reports.ts'
import { inTime } from '../db/request-deadline.ts'
import { type DmarcReport, dayOfReport } from '../domain/dmarc-report.ts'
import type { MailAttachment } from '../domain/mail-attachment.ts'
import type { Dns } from '../domains/dns.ts'
import { cursor, instant, pageAnswer, pageLimit, pageOf } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { defineRoute, type Route } from '../http/route.ts'
import {
  dayOf,
  defaultPeriodMs,
  domainAnswer,
  domainName,
  listedDomain,
  listedView,
  readDomain,
} from './domain-view.ts'
import { importedDomains, importReports, reportFileLimitBytes } from './report-import.ts'
import { uploadedFile } from './uploaded-file.ts'

interface DomainRouteDependencies {
  readonly db: Database
  readonly dns: Dns
  /** Null: of all projects. */
  readonly project: string | null
  readonly clock: () => number
}

const fileTypes = [
  ...['application/gzip', 'application/x-gzip', 'application/zip', 'application/x-zip-compressed'],
  ...['application/xml', 'text/xml', 'application/octet-stream'],
]

const sinceField = instant.optional().describe('Default 30 days ago. The whole day (UTC) counts.')

const listQuery = z.object({
  since: sinceField,
  cursor: cursor(z.object({ domain: z.string() })),
  limit: pageLimit,
})

const importedReport = z.strictObject({
  organization: z.string().describe('Who sent it.'),
  reportId: z.string(),
  domain: z.string(),
  day: z.iso.date(),
  records: z.int(),
  messages: z.int(),
})

export const domainRoutes = ({ db, dns, project, clock }: DomainRouteDependencies): Route[] => [
  defineRoute(
    {
      method: 'get',
      path: '/v1/domains',
      tag: 'Domains',
      summary: 'List the domains that DMARC reports are about, in alphabetical order',
      query: listQuery,
      answers: { 200: { description: 'A page of the domains', schema: pageAnswer(listedDomain) } },
    },
    async (ctx, { query }) => {
      const { limit, cursor: after, since = clock() - defaultPeriodMs } = query
      const page = { since: dayOf(since), after: after?.domain ?? '', limit: limit + 1 }
      const rows = await inTime(() => listDmarcDomains(db, page))
      ctx.body = pageOf(rows, limit, ({ domain }) => ({ domain }), rows.map(listedView))
    },
  ),

  defineRoute(
    {
      method: 'post',
      path: '/v1/domains/reports',
      scope: 'operate',
      tag: 'Domains',
      summary: 'Import a DMARC aggregate report',
      description:
        'The file as the receiver has sent it: XML (RFC 7489, RFC 9990), alone or compressed by gzip or zip; at most 10 MiB, and 32 MiB ' +
        'decompressed. A report that is stored already is not counted again, so a file may be sent again.',
      upload: fileTypes,
      answers: {
        200: {
          description: 'The reports of the file',
          schema: z.strictObject({
            stored: z.int(),
            repeated: z.int().describe('Stored before.'),
            reports: z.array(importedReport),
          }),
        },
      },
    },
    async (ctx) => {
      const { reports, ...outcome } = await importReports(db, project, await fileOf(ctx))
      // For the audit log.
      ctx.state['subject'] = importedDomains(reports)
      ctx.body = { ...outcome, reports: reports.map(importedView) }
    },
  ),

  defineRoute(
    {
      method: 'get',
      path: '/v1/domains/:domain',
      tag: 'Domains',
      summary: 'Read a domain: alignment per day and source, what DNS publishes, and what to change',
      description: 'Also of a domain without reports: DNS is asked when the request comes, for 4 seconds at most.',
      params: z.object({ domain: domainName }),
      query: z.object({ since: sinceField }),
      answers: { 200: { description: 'The domain', schema: domainAnswer } },
    },
    async (ctx, { params: { domain }, query: { since = clock() - defaultPeriodMs } }) => {
      ctx.body = await readDomain({ db, dns }, { domain, since: dayOf(since) })
    },
  ),
]

async function fileOf(ctx: Context): Promise<MailAttachment> {
  if (!ctx.is(fileTypes)) throw new Problem(415, `Content-Type must be one of: ${fileTypes.join(', ')}`)
  const chunks: Buffer[] = []
  for await (const chunk of uploadedFile(ctx, reportFileLimitBytes)) chunks.push(chunk)
  return { filename: null, contentType: ctx.request.type, content: Buffer.concat(chunks) }
}

const importedView = (report: DmarcReport): z.output<typeof importedReport> => ({
  organization: report.organization,
  reportId: report.reportId,
  domain: report.domain,
  day: dayOfReport(report),
  records: report.records.length,
  messages: report.records.reduce((sum, { messages }) => sum + messages, 0),
})
