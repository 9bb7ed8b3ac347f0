/** The page of the people who are signed in, and the forms to sign them out. */
import { z } from 'zod'
import { readOpenSessions, type SessionsDependencies } from '../api/sessions.ts'
import { inTime } from '../db/request-deadline.ts'
import { revokeOtherSessions, revokeSession } from '../db/sessions.ts'
import { parseInput, name as shortText } from '../http/input.ts'
import { SessionList } from './components/session-list.tsx'
import { readForm, seeOther, sessionOf } from './guards.ts'
import { type PageRenderer, withNotice } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'

interface SessionPagesDependencies extends SessionsDependencies {
  readonly pages: PageRenderer
}

const path = '/setup/sessions'

export function addSessionPages(router: PageRouter, dependencies: SessionPagesDependencies): void {
  const { db, pages, clock } = dependencies

  router.get(path, 'admin', async (ctx) => {
    const body = <SessionList sessions={await readOpenSessions(dependencies)} ownId={sessionOf(ctx).id} />
    await pages.show(ctx, { title: 'Sessions', section: '/setup', body })
  })

  router.post(`${path}/revoke`, 'admin', async (ctx) => {
    const { id } = parseInput(z.object({ id: shortText(64) }), (await readForm(ctx)).fields, 'body')
    await inTime(() => revokeSession(db, id, sessionOf(ctx).name, clock()))
    seeOther(ctx, withNotice(path, 'session-revoked'))
  })

  router.post(`${path}/revoke-others`, 'admin', async (ctx) => {
    const own = sessionOf(ctx)
    await inTime(() => revokeOtherSessions(db, own.id, own.name, clock()))
    seeOther(ctx, withNotice(path, 'sessions-revoked'))
  })
}
