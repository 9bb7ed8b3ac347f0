/** The list of emails, with search and filters. */
import { z } from 'zod'
import { emailId } from '../api/email-input.ts'
import type { Database } from '../db/database.ts'
import type { Email } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { priorities } from '../domain/events.ts'
import { failureReasonNames } from '../domain/failure.ts'
import { failureLabels } from '../domain/failure-labels.ts'
import { emailStatuses } from '../domain/lifecycle.ts'
import { cursor, cursorTime, name, pageOf } from '../http/input.ts'
import { EmailTable } from './components/email-table.tsx'
import { FilterSelect } from './components/filter-select.tsx'
import { EmptyState, PageHead } from './components/layout.tsx'
import { type PageLinks, Pager } from './components/pager.tsx'
import type { DeliveredTo } from './components/status.tsx'
import { StatusLegend } from './components/status-legend.tsx'
import { readDeliveredTo } from './delivered-to.ts'
import { searchEmails } from './email-search.ts'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { pathWith } from './paths.ts'

interface EmailPagesDependencies {
  readonly db: Database
  readonly pages: PageRenderer
}

const pageLength = 50

const position = cursor(z.object({ createdAt: cursorTime, id: emailId, provider: name(64) }))

/** Invalid parts of a URL are ignored. */
const querySchema = z.object({
  q: z.string().trim().max(1_000).catch('').default(''),
  status: z.enum(emailStatuses).optional().catch(undefined),
  priority: z.enum(priorities).optional().catch(undefined),
  tag: name(301).optional().catch(undefined),
  reason: z.enum(failureReasonNames).optional().catch(undefined),
  cursor: position.catch(null),
})

type Query = z.infer<typeof querySchema>

export function addEmailListPage(router: PageRouter, { db, pages }: EmailPagesDependencies): void {
  router.get('/emails', 'read', async (ctx) => {
    const query = querySchema.parse(ctx.query)
    const { q, status, priority, tag, reason, cursor: after } = query
    const filter = { status, priority, tag, reason }
    const rows = await inTime(() => searchEmails(db, { q, filter, after, limit: pageLength + 1 }))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const deliveredTo = await inTime(() => readDeliveredTo(db, data))
    const isFurther = query.cursor !== null
    const links = { path: '/emails', query: { q, status, priority, tag, reason }, nextCursor, isFurther }
    const body = <EmailList emails={data} deliveredTo={deliveredTo} query={query} links={links} />
    await pages.show(ctx, { title: 'Emails', section: '/emails', live: '/live', body })
  })
}

const positionOf = (row: Email) => ({ createdAt: row.createdAt.toISOString(), id: row.id, provider: row.provider })

interface EmailListProps {
  readonly emails: readonly Email[]
  readonly deliveredTo: ReadonlyMap<string, DeliveredTo>
  readonly query: Query
  readonly links: PageLinks
}

const EmailList = ({ emails, deliveredTo, query, links }: EmailListProps) => (
  <>
    <PageHead title="Emails" />
    <search>
      <form class="filter" method="post" action="/search">
        <input type="hidden" name="in" value="/emails" />
        <label class="search">
          <span class="hidden-text">Search</span>
          <input
            type="search"
            name="q"
            value={query.q}
            placeholder="Address, ID, key=value or words of the subject"
            maxLength={1_000}
            dir="auto"
          />
        </label>
        <FilterSelect name="status" anyLabel="Any status" options={emailStatuses} selected={query.status} />
        <FilterSelect name="priority" anyLabel="Any priority" options={priorities} selected={query.priority} />
        {query.tag && (
          <span class="filter-tag">
            Tag <bdi class="tag">{query.tag}</bdi>
            <a href={pathWith('/emails', { ...links.query, tag: undefined })}>Any tag</a>
            <input type="hidden" name="tag" value={query.tag} />
          </span>
        )}
        {query.reason && (
          <span class="filter-tag">
            Reason <span class="tag">{failureLabels[query.reason].label}</span>
            <a href={pathWith('/emails', { ...links.query, reason: undefined })}>Any reason</a>
            <input type="hidden" name="reason" value={query.reason} />
          </span>
        )}
        <button type="submit">Search</button>
      </form>
    </search>
    {emails.length > 0 ? (
      <>
        <EmailTable emails={emails} deliveredTo={deliveredTo} caption="Emails, newest first" />
        <Pager {...links} />
        <StatusLegend />
      </>
    ) : (
      <NoEmails
        isFiltered={Boolean(query.q || query.status || query.priority || query.tag || query.reason || query.cursor)}
      />
    )}
  </>
)

const NoEmails = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <EmptyState title="No emails match">
      Search for a complete address or ID, for a pair of metadata such as <code>order=4711</code>, or for how words of
      the subject begin. <a href="/emails">Show all emails</a>
    </EmptyState>
  ) : (
    <EmptyState title="No emails yet">
      <a href="/setup">Set up your provider's webhooks</a>, register emails with <code>POST /v1/emails</code>, or
      simulate some with <code>npx aftersend simulate</code>.
    </EmptyState>
  )
