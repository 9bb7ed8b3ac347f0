/** All emails: filtered, searched, a page at a time. */
import type Router from '@koa/router'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { cursor, cursorTime, emailId, name, pageOf } from '../api/input.ts'
import { findEmailsBySubject } from '../db/dashboard-read.ts'
import type { Database } from '../db/database.ts'
import { type EmailPosition, findEmail, listEmails } from '../db/emails-read.ts'
import type { Email } from '../db/generated/client.ts'
import { normalizeAddress } from '../domain/address.ts'
import { priorities } from '../domain/events.ts'
import { emailStatuses } from '../domain/lifecycle.ts'
import { Choice } from './choice.tsx'
import { EmailTable } from './email-rows.tsx'
import { Empty, PageHead } from './layout.tsx'
import { type PageLinks, Pager, pathWith } from './pager.tsx'
import type { Pages } from './pages.tsx'

interface EmailPagesDependencies {
  readonly db: Database
  readonly pages: Pages
}

const pageLength = 50

const position = cursor(z.object({ createdAt: cursorTime, id: emailId, provider: name(64) }))

/** What stands in the address. What makes no sense there is left out: somebody typed it, and sees the rest. */
const query = z.object({
  q: z.string().trim().max(1_000).catch('').default(''),
  status: z.enum(emailStatuses).optional().catch(undefined),
  priority: z.enum(priorities).optional().catch(undefined),
  tag: name(301).optional().catch(undefined),
  cursor: position.catch(null),
})

type Query = z.infer<typeof query>

export function addEmailListPage(router: Router, { db, pages }: EmailPagesDependencies): void {
  router.get('/emails', async (ctx) => {
    const asked = query.parse(ctx.query)
    const rows = await inTime(() => search(db, asked))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const { q, status, priority, tag } = asked
    const links = { path: '/emails', query: { q, status, priority, tag }, nextCursor, isFurther: asked.cursor !== null }
    const body = <EmailList emails={data} asked={asked} links={links} />
    await pages.show(ctx, { title: 'Emails', section: '/emails', live: '/live', body })
  })
}

const positionOf = (row: Email) => ({ createdAt: row.createdAt.toISOString(), id: row.id, provider: row.provider })

/** By address where there is an @, else by ID and by the words of the subject. One row more than a page, if there is one. */
async function search(db: Database, { q, status, priority, tag, cursor: after }: Query): Promise<Email[]> {
  const limit = pageLength + 1
  const filter = { status, priority, tag }
  if (q === '') return listEmails(db, filter, after, limit)
  if (q.includes('@')) {
    const recipient = normalizeAddress(q)
    return recipient === null ? [] : listEmails(db, { ...filter, recipient }, after, limit)
  }
  const words = q.match(/[\p{L}\p{N}]+/gu) ?? []
  const [byId, bySubject] = await Promise.all([
    after === null && isStorable(q) ? findEmail(db, q, undefined) : null,
    words.length === 0 ? [] : findEmailsBySubject(db, words, filter, after as EmailPosition | null, limit),
  ])
  return byId === null ? bySubject : [byId, ...bySubject.filter((email) => email.id !== byId.id)]
}

const isStorable = (text: string) => emailId.safeParse(text).success

interface EmailListProps {
  readonly emails: readonly Email[]
  readonly asked: Query
  readonly links: PageLinks
}

const EmailList = ({ emails, asked, links }: EmailListProps) => (
  <>
    <PageHead title="Emails" />
    <search>
      <form class="filter" method="get" action="/emails">
        <label class="search">
          <span class="hidden-text">Search</span>
          <input
            type="search"
            name="q"
            value={asked.q}
            placeholder="Address, email ID or words of the subject"
            maxLength={1_000}
            dir="auto"
          />
        </label>
        <Choice name="status" any="Any status" options={emailStatuses} chosen={asked.status} />
        <Choice name="priority" any="Any priority" options={priorities} chosen={asked.priority} />
        {asked.tag && (
          <span class="chosen">
            Tag <bdi class="tag">{asked.tag}</bdi>
            <a href={pathWith('/emails', { ...links.query, tag: undefined })}>Any tag</a>
            <input type="hidden" name="tag" value={asked.tag} />
          </span>
        )}
        <button type="submit">Search</button>
      </form>
    </search>
    {emails.length > 0 ? (
      <>
        <EmailTable emails={emails} caption="Emails, newest first" />
        <Pager {...links} />
      </>
    ) : (
      <NoEmails isFiltered={Boolean(asked.q || asked.status || asked.priority || asked.tag || asked.cursor)} />
    )}
  </>
)

const NoEmails = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <Empty title="No email is like that">
      Addresses and IDs are compared whole, subjects by how their words begin. <a href="/emails">Show all emails</a>
    </Empty>
  ) : (
    <Empty title="No emails yet">
      Send your provider's webhooks here, or register what you send with <code>POST /v1/emails</code>.{' '}
      <a href="/setup">Set up webhooks</a>, or play with <code>npm run simulate</code>.
    </Empty>
  )
