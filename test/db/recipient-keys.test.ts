import assert from 'node:assert/strict'
import { insertEvents } from '../../src/db/events.ts'
import { readRecipientKeys } from '../../src/db/recipient-keys.ts'
import { readSignalledEvents } from '../../src/db/signalled-events.ts'
import { receivedEvent } from '../received-event.ts'
import { useDatabase } from '../stack.ts'

describe('the keys of recipients', () => {
  const { db } = useDatabase()

  it('are the same whether an event is relayed as it is stored, or read from the table', async () => {
    const named = ['ada@example.com', 'bob@example.com', 'zoë@bücher.example', 'erased']
    const lists = [
      [],
      ['ada@example.com'],
      ['bob@example.com', 'ada@example.com'],
      ['ada@example.com', 'erased'],
      ['erased'],
    ]
    const events = [...named, null].flatMap((recipient) =>
      lists.map((to, n) => receivedEvent({ id: `${recipient} ${n}`, emailId: `em_${n}`, recipient, to })),
    )
    await insertEvents(db, events)
    const keysOf = await readRecipientKeys(db)
    const stored = await readSignalledEvents(
      db,
      'aisend',
      events.map(({ id }) => id),
    )
    const keysStored = stored.map(({ recipient = null, to = null }) => ({ recipient, to }))
    assert.deepEqual(events.map(keysOf), keysStored)
    assert.equal(new Set(keysStored.map(({ recipient }) => recipient)).size > 10, true)
  })
})
