/** The page of a person, and the search that leads to it. No address is written into a URL. */
import type { Context } from 'koa'
import { z } from 'zod'
import { readPerson } from '../api/person-view.ts'
import { personCursor } from '../api/recipients.ts'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { normalizeAddress } from '../domain/address.ts'
import { address } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { Person, PersonSearch } from './components/person.tsx'
import { readForm, seeOther } from './guards.ts'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { pathWith } from './paths.ts'
import type { PersonLinks } from './person-links.ts'

interface RecipientPagesDependencies {
  readonly db: Database
  readonly pages: PageRenderer
  readonly people: PersonLinks
  /** Epoch milliseconds. */
  readonly clock: () => number
}

const pageLength = 50

const querySchema = z.object({
  person: z.string().max(1_000).optional().catch(undefined),
  address: z.string().max(1_000).optional().catch(undefined),
  cursor: personCursor.catch(null),
})

/** The lists that a search may belong to, with the fields of their filters. */
const filtersOf: Readonly<Record<string, readonly string[]>> = {
  '/emails': ['status', 'priority', 'tag', 'reason'],
  '/suppressions': ['reason', 'removed'],
}

export function addRecipientPages(router: PageRouter, { db, pages, people, clock }: RecipientPagesDependencies): void {
  const showSearch = (ctx: Context, rejected: string | null = null) => {
    const body = <PersonSearch rejected={rejected} />
    const status = rejected === null ? 200 : 400
    return pages.show(ctx, { title: 'Recipients', section: '/recipients', status, body })
  }

  router.get('/recipients', 'read', async (ctx) => {
    const { person, address: written, cursor } = querySchema.parse(ctx.query)
    if (person === undefined && written === undefined) return showSearch(ctx)
    const found = person === undefined ? normalizeAddress(written ?? '') : people.addressIn(person)
    if (found === null && person === undefined) return showSearch(ctx, written ?? '')
    if (found === null) throw new Problem(404, 'this link is not valid any more: search for the address')
    const known = await inTime(() => readPerson(db, { address: found, cursor, limit: pageLength, now: clock() }))
    // Links without the address, also where the request had it: the page loads itself again from `url`.
    const query = { person: people.personOf(found) }
    const links = { path: '/recipients', query, nextCursor: known.emails.nextCursor, isFurther: cursor !== null }
    const url = pathWith('/recipients', { ...query, cursor: cursor ? String(ctx.query['cursor']) : undefined })
    const body = <Person person={known} links={links} back={people.pathTo(found)} />
    await pages.show(ctx, { title: 'Recipient', section: '/recipients', live: '/live', url, body })
  })

  // Posted, and answered with a path without the address, so that no access log and no browser history has it.
  router.post('/search', 'read', async (ctx) => {
    const { fields } = await readForm(ctx)
    const [q, list] = [(fields['q'] ?? '').trim(), fields['in'] ?? '']
    const parsed = address.safeParse(q)
    if (parsed.success) return seeOther(ctx, people.pathTo(parsed.data))
    if (q.includes('@')) return showSearch(ctx, q)
    const [path, filters] = Object.entries(filtersOf).find(([known]) => known === list) ?? ['/emails', []]
    seeOther(ctx, pathWith(path, { q, ...Object.fromEntries(filters.map((name) => [name, fields[name]])) }))
  })
}
