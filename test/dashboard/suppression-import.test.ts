import assert from 'node:assert/strict'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

describe('importing suppressions on the dashboard', () => {
  let database: TestDatabase
  let visited: Visited
  let visitor: Visitor

  before(async () => {
    database = await testDatabase()
    visited = await serveDashboard({ db: database.db })
    visitor = new Visitor(visited.served)
    await visitor.signIn()
  })
  beforeEach(() => database.db.suppression.deleteMany())
  after(async () => {
    await visited.stop()
    await database.drop()
  })

  const csv = 'email,reason\nada@example.com,complaint\nno address,\nADA@example.com,\ngrace@example.com,odd\n'
  const facts = (html: string) => [...html.matchAll(/<dd>([\d,]+)<\/dd>/g)].map(([, figure]) => figure)

  it('shows first what a file would do, and changes nothing', async () => {
    const html = await (await visitor.upload('/suppressions/import/preview', csv)).text()
    assert.deepEqual(facts(html), ['2', '1', '1'])
    assert.match(html, /Line 3 holds no email address/)
    assert.equal(await database.db.suppression.count(), 0)
  })

  it('adds the addresses, with the reasons that are known, and says so on a whole page', async () => {
    const html = await (await visitor.upload('/suppressions/import', csv)).text()
    assert.deepEqual(facts(html), ['2', '1', '1'])
    assert.match(html, /<progress[\s\S]*Imported[\s\S]*<\/html>$/)
    const rows = await database.db.suppression.findMany({ orderBy: { address: 'asc' } })
    assert.deepEqual(
      rows.map(({ address, reason }) => [address, reason]),
      [
        ['ada@example.com', 'complaint'],
        ['grace@example.com', 'manual'],
      ],
    )
  })

  it('tells how far it is while a large file is read', async () => {
    const many = Array.from({ length: 60_000 }, (_, n) => `person-${n}@example.com`).join('\n')
    const html = await (await visitor.upload('/suppressions/import', many)).text()
    const told = [...html.matchAll(/<progress value="(\d+)" max="(\d+)"/g)].map(([, value]) => Number(value))
    assert.ok(told.length > 2, `${told.length} pieces`)
    assert.deepEqual(
      told,
      told.toSorted((a, b) => a - b),
    )
    assert.equal(await database.db.suppression.count(), 60_000)
  })

  it('refuses a file over 10 MiB, no file, and what is no upload', async () => {
    assert.equal((await visitor.upload('/suppressions/import', 'a'.repeat(10_485_761))).status, 413)
    assert.equal((await visitor.upload('/suppressions/import', '')).status, 400)
    assert.equal((await visitor.post('/suppressions/import', { file: csv })).status, 415)
    assert.equal(await database.db.suppression.count(), 0)
  })

  it('gives the list out as a file that can be brought in again', async () => {
    await visitor.upload('/suppressions/import', csv)
    const file = await visitor.get('/suppressions/export')
    assert.match(file.headers.get('content-disposition') ?? '', /attachment; filename="suppressions\.csv"/)
    const html = await (await visitor.upload('/suppressions/import/preview', await file.text())).text()
    assert.deepEqual(facts(html), ['0', '2', '0'])
  })
})
