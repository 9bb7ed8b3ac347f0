import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

describe('GET /v1/emails', () => {
  const { db } = useDatabase('emails, events, escalations')
  const served = useApi(() => ({ db }))

  const add = (from: number, count: number, createdAt: (index: number) => Date) =>
    db.email.createMany({
      data: Array.from({ length: count }, (_, offset) => ({
        id: `em_${String(from + offset).padStart(4, '0')}`,
        provider: offset % 5 === 0 ? 'other' : 'aisend',
        to: ['Ada@x.com'],
        recipients: [offset % 2 === 0 ? 'ada@x.com' : 'bob@x.com'],
        status: offset % 3 === 0 ? 'bounced' : 'delivered',
        priority: offset % 4 === 0 ? 'critical' : 'normal',
        tags: offset % 10 === 0 ? ['rare'] : [],
        createdAt: createdAt(from + offset),
      })),
    })
  type Page = { data: { id: string }[]; nextCursor: string | null }
  const page = async (query: string): Promise<Page> => {
    const response = await served.call('GET', `/v1/emails?${query}`)
    assert.equal(response.status, 200, query)
    return (await response.json()) as Page
  }

  it('pages through all emails without gap or repeat while others are inserted', async () => {
    // Many in the same millisecond: the ID decides then.
    await add(0, 100, (index) => new Date(1_000_000 + Math.floor(index / 30)))
    const expected = (await db.email.findMany({ select: { id: true } })).map(({ id }) => id)
    const seen: string[] = []
    let cursor: string | null = null
    for (let inserted = 1_000; ; inserted += 10) {
      const { data, nextCursor }: Page = await page(`limit=7${cursor ? `&cursor=${cursor}` : ''}`)
      seen.push(...data.map(({ id }) => id))
      if (nextCursor === null) break
      cursor = nextCursor
      await add(inserted, 5, () => new Date(2_000_000 + inserted))
    }
    assert.equal(new Set(seen).size, seen.length)
    assert.deepEqual(seen.toSorted(), expected.toSorted())
    assert.equal(seen[0], 'em_0099')
  })

  it('filters by every field and by several at once', async () => {
    await add(0, 60, (index) => new Date(1_000_000 + index))
    const counts: Record<string, number> = {
      'status=bounced': 20,
      'priority=critical': 15,
      'recipient=ADA%40x.com': 30,
      'provider=other': 12,
      'tag=rare': 6,
      'status=bounced&priority=critical&recipient=ada@x.com&provider=other&tag=rare': 1,
      'status=opened': 0,
      'unknown=x': 60,
    }
    for (const [query, count] of Object.entries(counts)) {
      assert.equal((await page(`${query}&limit=200`)).data.length, count, query)
    }
    const first = await page('recipient=ada@x.com&status=bounced&limit=4')
    const second = await page(`recipient=ada@x.com&status=bounced&limit=200&cursor=${first.nextCursor}`)
    assert.equal(first.data.length + second.data.length, 10)
    assert.equal(second.nextCursor, null)
  })

  it('answers 50 unless a limit is given', async () => {
    await add(0, 51, (index) => new Date(1_000_000 + index))
    assert.equal((await page('')).data.length, 50)
    assert.equal((await page('limit=51')).nextCursor, null)
  })

  it('answers 400 to invalid values', async () => {
    const forged = Buffer.from('{"createdAt":"2026-01-01","id":"a","provider":"b"}').toString('base64url')
    for (const query of [
      'limit=0',
      'limit=201',
      'limit=1.5',
      'limit=x',
      'limit=1&limit=2',
      'status=lost',
      'status=sent&status=sent',
      'priority=high',
      'recipient=ada',
      'cursor=x',
      'cursor=',
      `cursor=${forged}`,
      'cursor=bnVsbA',
    ]) {
      const response = await served.call('GET', `/v1/emails?${query}`)
      assert.equal(response.status, 400, query)
      assert.equal((await problemIn(response)).errors?.length, 1)
    }
  })

  it('reads without OFFSET', () => {
    for (const file of ['emails-read', 'escalations-read', 'suppressions']) {
      const source = readFileSync(new URL(`../../src/db/${file}.ts`, import.meta.url), 'utf8')
      assert.doesNotMatch(source, /\bOFFSET\b|skip:/i)
    }
  })
})
