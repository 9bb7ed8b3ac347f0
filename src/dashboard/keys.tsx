/** The page of the named API keys: create, list, revoke. */
import type { Context } from 'koa'
import { z } from 'zod'
import { createNamedKey, type KeyProjects, keyName, keyProjects, keyScopes, projectOfKey } from '../api/keys.ts'
import { listApiKeys, revokeApiKey } from '../db/api-keys.ts'
import type { Database } from '../db/database.ts'
import { inTime } from '../db/request-deadline.ts'
import { parseInput, name as shortText } from '../http/input.ts'
import { KeyList, type KeyListProps } from './components/key-list.tsx'
import { readForm, seeOther, sessionOf } from './guards.ts'
import { type PageRenderer, withNotice } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'

interface KeyPagesDependencies extends KeyProjects {
  readonly db: Database
  readonly pages: PageRenderer
}

const path = '/setup/keys'

export function addKeyPages(router: PageRouter, { db, pages, ...ofProjects }: KeyPagesDependencies): void {
  const show = async (ctx: Context, more: Omit<KeyListProps, 'keys' | 'projects'>, status = 200) => {
    const keys = await inTime(() => listApiKeys(db))
    await pages.show(ctx, {
      title: 'API keys',
      section: '/setup',
      status,
      body: <KeyList keys={keys} projects={keyProjects(ofProjects)} {...more} />,
    })
  }

  router.get(path, 'admin', (ctx) => show(ctx, {}))

  // Shown in the answer itself: a redirect would have to carry the key.
  router.post(path, 'admin', async (ctx) => {
    const { fields, all } = await readForm(ctx)
    const given = { name: fields['name'], scopes: all.getAll('scope') }
    const parsed = z.object({ name: keyName, scopes: keyScopes }).safeParse(given)
    if (!parsed.success) {
      return show(
        ctx,
        { rejected: 'Enter a name of up to 64 characters without @, and choose what the key may do.' },
        400,
      )
    }
    const { key } = await createNamedKey(db, {
      ...parsed.data,
      project: projectOfKey(ofProjects, fields['project']),
      by: sessionOf(ctx).name,
    })
    return show(ctx, { created: { key, name: parsed.data.name } })
  })

  router.post(`${path}/revoke`, 'admin', async (ctx) => {
    const { id } = parseInput(z.object({ id: shortText(64) }), (await readForm(ctx)).fields, 'body')
    await inTime(() => revokeApiKey(db, id, sessionOf(ctx).name))
    seeOther(ctx, withNotice(path, 'revoked'))
  })
}
