import assert from 'node:assert/strict'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { requireErasureKey } from '../../src/db/erasure-key.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { useDatabase } from '../stack.ts'

describe('the key for erasures', () => {
  const database = useDatabase()
  const others: Database[] = []
  before(async () => {
    for (const erasureKey of [null, 'another-erasure-key-of-the-tests']) {
      others.push(createDatabase({ url: database.url, erasureKey }))
    }
  })
  after(() => Promise.all(others.map((db) => db.$disconnect())))

  it('may be any, or none, before the first erasure', async () => {
    for (const db of [database.db, ...others]) await requireErasureKey(db)
  })

  it('must be the one that was used, after an erasure', async () => {
    await eraseRecipient(database.db, 'ada@example.com', 10)
    await eraseRecipient(database.db, 'grace@example.com', 10)
    await requireErasureKey(database.db)
    for (const db of others) await assert.rejects(requireErasureKey(db), ConfigurationError)
  })

  it('cannot be derived from its fingerprint', async () => {
    const [use, ...more] = await database.db.erasureKeyUse.findMany()
    assert.deepEqual(more, [])
    assert.doesNotMatch(JSON.stringify(use), new RegExp(String(database.db.erasureKey)))
  })
})
