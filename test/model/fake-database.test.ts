/** Compares the fake with PostgreSQL by random statements: a check against a fake that differs would prove nothing. */
import assert from 'node:assert/strict'
import { useDatabase } from '../stack.ts'
import { BothDatabases } from './both-databases.ts'
import { Random } from './random.ts'

const runs = 40
const statements = 40

describe('the fake database of the model check', () => {
  const database = useDatabase()

  it('answers as PostgreSQL does, and holds the same rows', async () => {
    for (let seed = 1; seed <= runs; seed++) {
      const both = await BothDatabases.emptied(database.db, new Random(seed))
      const done: string[] = []
      for (let n = 0; n < statements; n++) {
        const { name, real, fake } = await both.next()
        done.push(name)
        assert.deepEqual(fake, real, `seed ${seed}: ${done.join(', ')}`)
      }
      const { real, fake } = await both.rows()
      assert.deepEqual(fake, real, `seed ${seed}: rows after ${done.join(', ')}`)
    }
  })
})
