/** The pages of sending domains: the list, and one with its reports, its DNS records, and what to change. */
import { z } from 'zod'
import { dayOf, defaultPeriodMs, domainName, readDomain } from '../api/domain-view.ts'
import type { Database } from '../db/database.ts'
import { listDmarcDomains } from '../db/dmarc-reports.ts'
import { inTime } from '../db/request-deadline.ts'
import type { DnsText } from '../domains/dns-text.ts'
import { cursor, pageOf, parseInput } from '../http/input.ts'
import { DomainPage, type DomainPeriodName, domainPeriods } from './components/domain.tsx'
import { DomainList } from './components/domain-list.tsx'
import { seeOther } from './guards.ts'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { domainPath } from './paths.ts'

interface DomainPagesDependencies {
  readonly db: Database
  readonly dns: DnsText
  readonly pages: PageRenderer
  readonly clock: () => number
}

const pageLength = 50

const listQuery = z.object({
  /** From the search: answered with the page of the domain. */
  domain: z.string().max(1_000).optional().catch(undefined),
  cursor: cursor(z.object({ domain: z.string() })).catch(null),
})

const periodNames = Object.keys(domainPeriods) as DomainPeriodName[]
const pageQuery = z.object({ range: z.enum(periodNames).catch('30d') })

export function addDomainPages(router: PageRouter, { db, dns, pages, clock }: DomainPagesDependencies): void {
  router.get('/domains', 'read', async (ctx) => {
    const { domain: written, cursor: after } = listQuery.parse(ctx.query)
    const named = domainName.safeParse(written)
    if (named.success) return seeOther(ctx, domainPath(named.data))
    const page = { since: dayOf(clock() - defaultPeriodMs), after: after?.domain ?? '', limit: pageLength + 1 }
    const rows = await inTime(() => listDmarcDomains(db, page))
    const { data, nextCursor } = pageOf(rows, pageLength, ({ domain }) => ({ domain }), rows)
    const links = { path: '/domains', query: {}, nextCursor, isFurther: after !== null }
    const rejected = written ?? null
    const body = <DomainList domains={data} links={links} rejected={rejected} />
    await pages.show(ctx, { title: 'Domains', section: '/domains', status: rejected === null ? 200 : 400, body })
  })

  router.get('/domains/:domain', 'read', async (ctx) => {
    const { domain } = parseInput(z.object({ domain: domainName }), ctx['params'], 'path')
    const { range } = pageQuery.parse(ctx.query)
    const since = dayOf(clock() - domainPeriods[range].lengthMs)
    const view = await readDomain({ db, dns }, { domain, since })
    const body = <DomainPage domain={view} range={range} />
    await pages.show(ctx, { title: domain, section: '/domains', charts: view.days.length > 0, body })
  })
}
