import assert from 'node:assert/strict'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { requireErasureKey } from '../../src/db/erasure-key.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'

describe('the key for erasures', () => {
  let database: TestDatabase
  const others: Database[] = []
  before(async () => {
    database = await testDatabase()
    for (const erasureKey of [null, 'another-erasure-key-of-the-tests']) {
      others.push(createDatabase({ url: database.url, erasureKey }))
    }
  })
  after(async () => {
    await Promise.all(others.map((db) => db.$disconnect()))
    await database.drop()
  })

  it('may be any, or none, while nobody was erased', async () => {
    for (const db of [database.db, ...others]) await requireErasureKey(db)
  })

  it('must be the one that somebody was erased under, from then on', async () => {
    await eraseRecipient(database.db, 'ada@example.com', 10)
    await eraseRecipient(database.db, 'grace@example.com', 10)
    await requireErasureKey(database.db)
    for (const db of others) await assert.rejects(requireErasureKey(db), ConfigurationError)
  })

  it('is not told by what is kept of it', async () => {
    const [use, ...more] = await database.db.erasureKeyUse.findMany()
    assert.deepEqual(more, [])
    assert.doesNotMatch(JSON.stringify(use), new RegExp(String(database.db.erasureKey)))
  })
})
