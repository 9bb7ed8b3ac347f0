import assert from 'node:assert/strict'
import { createDatabase } from '../../src/db/database.ts'
import { readSoftBouncesAround, suppressEventRecipient } from '../../src/db/recipients.ts'
import { findActiveSuppressions } from '../../src/db/suppressions.ts'
import { providerIn } from '../../src/domain/project.ts'
import { rejudgeBounces } from '../../src/suppressions/rejudgement.ts'
import { useDatabase } from '../stack.ts'
import { store } from './stored.ts'

const ada = 'ada@example.com'
const noSuchUser = { class: 'hard', code: '5.1.1', message: '550 5.1.1 No such user' } as const
const full = { class: 'soft', code: '4.2.2', message: null } as const

describe('the suppression lists of projects', () => {
  const stored = useDatabase('events, emails, suppressions')
  const { db } = stored

  const bounce = (project: string, id: string, parts = {}) =>
    store(db, { provider: providerIn(project, 'aisend'), id, type: 'bounced', bounce: noSuchUser, ...parts })
  const suppress = (project: string, eventId: string, database = db) =>
    suppressEventRecipient(database, { provider: providerIn(project, 'aisend'), eventId, reason: 'hard_bounce' })
  const listsWith = async (address: string) => {
    const rows = await db.suppression.findMany({ where: { address, removedAt: null }, orderBy: { project: 'asc' } })
    return rows.map(({ project }) => project)
  }

  it('have those whom a project’s own emails failed', async () => {
    for (const project of ['shop', 'blog']) await bounce(project, 'evt_1')
    assert.equal(await suppress('shop', 'evt_1'), 'suppressed')
    assert.deepEqual(await listsWith(ada), ['shop'])
    assert.equal((await findActiveSuppressions(db, 'blog', [ada])).length, 0)
    assert.equal(await suppress('blog', 'evt_1'), 'suppressed')
  })

  it('are that of the default project for those that share it', async () => {
    const sharing = createDatabase({ url: stored.url, sharingSuppressions: new Set(['shop']) })
    try {
      await bounce('shop', 'evt_1')
      assert.equal(await suppress('shop', 'evt_1', sharing), 'suppressed')
      assert.deepEqual(await listsWith(ada), ['default'])
    } finally {
      await sharing.$disconnect()
    }
  })

  it('count the soft bounces of their project alone', async () => {
    for (const [index, project] of ['shop', 'blog', 'default'].entries())
      await bounce(project, `evt_${index}`, { bounce: full })
    const found = await readSoftBouncesAround(db, 'shop:aisend', 'evt_0')
    // Its own, once as itself and once among those around it.
    assert.equal(found?.around.length, 2)
  })

  it('are judged again one by one', async () => {
    const dmarc = {
      class: 'hard',
      code: '5.7.26',
      message: '550 5.7.26 Unauthenticated email is not accepted',
    } as const
    await bounce('shop', 'evt_1')
    await bounce('blog', 'evt_1', { bounce: dmarc })
    await db.$executeRaw`UPDATE events SET applied_at = received_at`
    for (const project of ['shop', 'blog'])
      await db.suppression.create({
        data: {
          project,
          address: ada,
          reason: 'hard_bounce',
          provider: `${project}:aisend`,
          emailId: 'em_1',
          eventId: 'evt_1',
        },
      })
    const { changes } = await rejudgeBounces(db, { isPreview: false, since: 0, after: null, limit: 100 })
    assert.deepEqual(
      changes.map(({ list, ends, starts }) => [list, ends !== null, starts !== null]),
      [['blog', true, false]],
    )
    assert.deepEqual(await listsWith(ada), ['shop'])
  })
})
