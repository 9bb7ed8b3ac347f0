import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { EventKey } from '../../src/db/event-key.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import { GroupCommit } from '../../src/inbox/group-commit.ts'
import { receivedEvent } from '../received-event.ts'

const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id)

/** A table whose commits the test triggers. */
class ManualTable {
  readonly statements: string[][] = []
  readonly stored = new Set<string>()
  #release: (() => void)[] = []

  insert = async (events: readonly ReceivedEvent[]): Promise<EventKey[]> => {
    this.statements.push(ids(events))
    await new Promise<void>((resolve) => this.#release.push(resolve))
    const fresh = events.filter(({ id }) => !this.stored.has(id) && this.stored.add(id))
    return fresh.map(({ provider, id }) => ({ provider, id }))
  }

  async commit(): Promise<void> {
    this.#release.shift()?.()
    await turn()
  }
}

describe('a group commit', () => {
  it('stores the events of all waiting requests in one statement', async () => {
    const table = new ManualTable()
    const commits = new GroupCommit({ insert: table.insert })
    const first = commits.append([receivedEvent({ id: 'a' })])
    const others = ['c', 'b', 'd'].map((id) => commits.append([receivedEvent({ id })]))
    await table.commit()
    assert.deepEqual(ids(await first), ['a'])
    await table.commit()
    assert.deepEqual((await Promise.all(others)).map(ids), [['c'], ['b'], ['d']])
    assert.deepEqual(table.statements, [['a'], ['b', 'c', 'd']], 'sorted by key, against deadlocks')
  })

  it('resolves no request before the commit', async () => {
    const table = new ManualTable()
    let isResolved = false
    const append = new GroupCommit({ insert: table.insert }).append([receivedEvent({ id: 'a' })]).then(() => {
      isResolved = true
    })
    await turn()
    assert.ok(!isResolved)
    await table.commit()
    await append
    assert.ok(isResolved)
  })

  it('reports an event of two requests as new to one of them', async () => {
    const table = new ManualTable()
    const commits = new GroupCommit({ insert: table.insert })
    const blocker = commits.append([receivedEvent({ id: 'x' })])
    const twice = [commits.append([receivedEvent({ id: 'a' })]), commits.append([receivedEvent({ id: 'a' })])]
    await table.commit()
    await table.commit()
    await blocker
    assert.deepEqual((await Promise.all(twice)).map(ids), [['a'], []])
  })

  it('refuses a request whose commit is late, and continues with the next', async () => {
    let hang = true
    const insert = (events: readonly ReceivedEvent[]) =>
      hang ? new Promise<EventKey[]>(() => {}) : Promise.resolve(events.map(({ provider, id }) => ({ provider, id })))
    const commits = new GroupCommit({ insert, deadlineMs: 30 })
    await assert.rejects(commits.append([receivedEvent({ id: 'a' })]), DatabaseUnavailableError)
    hang = false
    assert.deepEqual(ids(await commits.append([receivedEvent({ id: 'b' })])), ['b'])
  })

  it('refuses requests beyond the limit at once', async () => {
    const table = new ManualTable()
    const commits = new GroupCommit({ insert: table.insert, maxWaiting: 1 })
    const first = commits.append([receivedEvent({ id: 'a' })])
    const second = commits.append([receivedEvent({ id: 'b' })])
    await assert.rejects(commits.append([receivedEvent({ id: 'c' })]), DatabaseUnavailableError)
    await table.commit()
    await table.commit()
    assert.deepEqual((await Promise.all([first, second])).map(ids), [['a'], ['b']])
  })

  it('stores the other requests of a group when one has an invalid event', async () => {
    const insert = async (events: readonly ReceivedEvent[]) => {
      await turn()
      if (events.some(({ id }) => id === 'invalid')) throw new TypeError('invalid')
      return events.map(({ provider, id }) => ({ provider, id }))
    }
    const commits = new GroupCommit({ insert })
    const blocker = commits.append([receivedEvent({ id: 'x' })])
    const invalid = assert.rejects(commits.append([receivedEvent({ id: 'invalid' })]), TypeError)
    const valid = commits.append([receivedEvent({ id: 'valid' })])
    await Promise.all([blocker, invalid])
    assert.deepEqual(ids(await valid), ['valid'])
  })
})
