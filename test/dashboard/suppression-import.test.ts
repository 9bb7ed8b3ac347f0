import assert from 'node:assert/strict'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

describe('importing suppressions on the dashboard', () => {
  const { db } = useDatabase('suppressions')
  const { visitor } = useDashboard(() => ({ db }))

  const csv = 'email,reason\nada@example.com,complaint\nno address,\nADA@example.com,\ngrace@example.com,odd\n'
  const facts = (html: string) => [...html.matchAll(/<dd>([\d,]+)<\/dd>/g)].map(([, figure]) => figure)

  it('previews a file, and changes nothing', async () => {
    const html = await (await visitor.upload('/suppressions/import/preview', csv)).text()
    assert.deepEqual(facts(html), ['2', '1', '1'])
    assert.match(html, /Line 3 has no valid email address/)
    assert.equal(await db.suppression.count(), 0)
  })

  it('adds the addresses with known reasons, and shows the result on a complete page', async () => {
    const html = await (await visitor.upload('/suppressions/import', csv)).text()
    assert.deepEqual(facts(html), ['2', '1', '1'])
    assert.match(html, /<progress[\s\S]*Imported[\s\S]*<\/html>$/)
    const rows = await db.suppression.findMany({ orderBy: { address: 'asc' } })
    assert.deepEqual(
      rows.map(({ address, reason }) => [address, reason]),
      [
        ['ada@example.com', 'complaint'],
        ['grace@example.com', 'manual'],
      ],
    )
  })

  it('shows its progress while a large file is read', async () => {
    const many = Array.from({ length: 60_000 }, (_, n) => `person-${n}@example.com`).join('\n')
    const html = await (await visitor.upload('/suppressions/import', many)).text()
    const progress = [...html.matchAll(/<progress value="(\d+)" max="(\d+)"/g)].map(([, value]) => Number(value))
    assert.ok(progress.length > 2, `${progress.length} pieces`)
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b),
    )
    assert.equal(await db.suppression.count(), 60_000)
  })

  it('rejects a file over 10 MiB, an empty file, and another content type', async () => {
    assert.equal((await visitor.upload('/suppressions/import', 'a'.repeat(10_485_761))).status, 413)
    assert.equal((await visitor.upload('/suppressions/import', '')).status, 400)
    assert.equal((await visitor.post('/suppressions/import', { file: csv })).status, 415)
    assert.equal(await db.suppression.count(), 0)
  })

  it('exports the list as a file that can be imported', async () => {
    // The response ends when all addresses are stored.
    await (await visitor.upload('/suppressions/import', csv)).text()
    const file = await visitor.get('/suppressions/export')
    assert.match(file.headers.get('content-disposition') ?? '', /attachment; filename="suppressions\.csv"/)
    const html = await (await visitor.upload('/suppressions/import/preview', await file.text())).text()
    assert.deepEqual(facts(html), ['0', '2', '0'])
  })
})
