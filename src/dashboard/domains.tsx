/** The pages of sending domains: the list, and one with its reports, its DNS records, and what to change. */
import type { Context } from 'koa'
import { z } from 'zod'
import { dayOf, defaultPeriodMs, domainName, readDomain } from '../api/domain-view.ts'
import { importedDomains, importReports, reportFileLimitBytes } from '../api/report-import.ts'
import type { Database } from '../db/database.ts'
import { listDmarcDomains, readReporters } from '../db/dmarc-reports.ts'
import { inTime } from '../db/request-deadline.ts'
import type { Dns } from '../domains/dns.ts'
import { cursor, pageOf, parseInput } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { DomainPage, type DomainPeriodName, domainPeriods } from './components/domain.tsx'
import { DomainList } from './components/domain-list.tsx'
import type { ImportedFiles } from './components/report-upload.tsx'
import { seeOther } from './guards.ts'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { domainPath } from './paths.ts'
import { readUploads } from './uploads.ts'

interface DomainPagesDependencies {
  /** Null: of all projects. */
  readonly project: string | null
  readonly db: Database
  readonly dns: Dns
  readonly pages: PageRenderer
  readonly clock: () => number
}

const [pageLength, maxReporters] = [50, 100]

/** In memory, unlike those of `aftersend domains import`. */
const uploadLimits = {
  maxFiles: 50,
  maxBytes: reportFileLimitBytes,
  tooMuch: 'more than 50 files, or 10 MiB together: import them with npx aftersend domains import',
  missing: 'a file is missing or empty: choose DMARC reports (.xml, .gz, .zip)',
}

const listQuery = z.object({
  /** From the search: answered with the page of the domain. */
  domain: z.string().max(1_000).optional().catch(undefined),
  cursor: cursor(z.object({ domain: z.string() })).catch(null),
})

const periodNames = Object.keys(domainPeriods) as DomainPeriodName[]
const pageQuery = z.object({ range: z.enum(periodNames).catch('30d') })

/** On the list. */
interface Shown {
  /** The position of the page. */
  readonly after?: { readonly domain: string } | null
  /** What was searched for, if it is no domain. */
  readonly rejected?: string | undefined
  /** What was just uploaded. */
  readonly imported?: ImportedFiles
}

export function addDomainPages(router: PageRouter, { project, db, dns, pages, clock }: DomainPagesDependencies): void {
  const showList = async (ctx: Context, { after = null, ...shown }: Shown) => {
    const page = { since: dayOf(clock() - defaultPeriodMs), after: after?.domain ?? '', limit: pageLength + 1 }
    const rows = await inTime(() => listDmarcDomains(db, page))
    const { data, nextCursor } = pageOf(rows, pageLength, ({ domain }) => ({ domain }), rows)
    const links = { path: '/domains', query: {}, nextCursor, isFurther: after !== null }
    const status = shown.rejected !== undefined || shown.imported?.reports.length === 0 ? 400 : 200
    const body = <DomainList domains={data} links={links} {...shown} />
    await pages.show(ctx, { title: 'Domains', section: '/domains', status, body })
  }

  router.get('/domains', 'read', async (ctx) => {
    const { domain: written, cursor: after } = listQuery.parse(ctx.query)
    const named = domainName.safeParse(written)
    if (named.success) return seeOther(ctx, domainPath(named.data))
    await showList(ctx, { after, rejected: written })
  })

  router.post('/domains/reports', 'operate', async (ctx) => {
    const imported = await importFiles(db, project, await readUploads(ctx, uploadLimits))
    // For the audit log.
    ctx.state['subject'] = importedDomains(imported.reports)
    await showList(ctx, { imported })
  })

  router.get('/domains/:domain', 'read', async (ctx) => {
    const { domain } = parseInput(z.object({ domain: domainName }), ctx['params'], 'path')
    const { range } = pageQuery.parse(ctx.query)
    const since = dayOf(clock() - domainPeriods[range].lengthMs)
    const [view, reporters] = await Promise.all([
      readDomain({ db, dns }, { domain, since }),
      inTime(() => readReporters(db, { domain, since }, maxReporters)),
    ])
    const body = <DomainPage domain={view} reporters={reporters} range={range} />
    await pages.show(ctx, { title: domain, section: '/domains', charts: view.days.length > 0, body })
  })
}

/** Each file by itself: one that cannot be read keeps no other from being stored. */
async function importFiles(
  db: Database,
  project: string | null,
  files: Awaited<ReturnType<typeof readUploads>>,
): Promise<ImportedFiles> {
  const outcome: ImportedFiles = { stored: 0, repeated: 0, reports: [], problems: [] }
  for (const file of files) {
    try {
      const { stored, repeated, reports } = await importReports(db, project, { ...file, contentType: '' })
      outcome.stored += stored
      outcome.repeated += repeated
      outcome.reports.push(...reports)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      outcome.problems.push({ name: file.filename ?? 'a file', problem: error.message })
    }
  }
  return outcome
}
