import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { EventKey } from '../../src/db/events.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import { GroupCommit } from '../../src/inbox/group-commit.ts'
import { receivedEvent } from '../received-event.ts'

const ids = (events: readonly { id: string }[]) => events.map(({ id }) => id)

/** A table that commits when it is told to. */
class HeldTable {
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
  it('stores the events of all requests that wait in one statement', async () => {
    const table = new HeldTable()
    const commits = new GroupCommit({ insert: table.insert })
    const first = commits.append([receivedEvent({ id: 'a' })])
    const others = ['c', 'b', 'd'].map((id) => commits.append([receivedEvent({ id })]))
    await table.commit()
    assert.deepEqual(ids(await first), ['a'])
    await table.commit()
    assert.deepEqual((await Promise.all(others)).map(ids), [['c'], ['b'], ['d']])
    assert.deepEqual(table.statements, [['a'], ['b', 'c', 'd']], 'in the order of their keys, against deadlocks')
  })

  it('answers nobody before the commit', async () => {
    const table = new HeldTable()
    let answered = false
    const append = new GroupCommit({ insert: table.insert }).append([receivedEvent({ id: 'a' })]).then(() => {
      answered = true
    })
    await turn()
    assert.ok(!answered)
    await table.commit()
    await append
    assert.ok(answered)
  })

  it('tells one of two requests with the same event that it was new', async () => {
    const table = new HeldTable()
    const commits = new GroupCommit({ insert: table.insert })
    const blocker = commits.append([receivedEvent({ id: 'x' })])
    const twice = [commits.append([receivedEvent({ id: 'a' })]), commits.append([receivedEvent({ id: 'a' })])]
    await table.commit()
    await table.commit()
    await blocker
    assert.deepEqual((await Promise.all(twice)).map(ids), [['a'], []])
  })

  it('refuses a request whose commit does not come in time, and goes on with the next', async () => {
    let hang = true
    const insert = (events: readonly ReceivedEvent[]) =>
      hang ? new Promise<EventKey[]>(() => {}) : Promise.resolve(events.map(({ provider, id }) => ({ provider, id })))
    const commits = new GroupCommit({ insert, deadlineMs: 30 })
    await assert.rejects(commits.append([receivedEvent({ id: 'a' })]), DatabaseUnavailableError)
    hang = false
    assert.deepEqual(ids(await commits.append([receivedEvent({ id: 'b' })])), ['b'])
  })

  it('refuses at once what would wait past its bound', async () => {
    const table = new HeldTable()
    const commits = new GroupCommit({ insert: table.insert, maxWaiting: 1 })
    const first = commits.append([receivedEvent({ id: 'a' })])
    const second = commits.append([receivedEvent({ id: 'b' })])
    await assert.rejects(commits.append([receivedEvent({ id: 'c' })]), DatabaseUnavailableError)
    await table.commit()
    await table.commit()
    assert.deepEqual((await Promise.all([first, second])).map(ids), [['a'], ['b']])
  })

  it('lets no broken event harm the requests that share its statement', async () => {
    const insert = async (events: readonly ReceivedEvent[]) => {
      await turn()
      if (events.some(({ id }) => id === 'broken')) throw new TypeError('broken')
      return events.map(({ provider, id }) => ({ provider, id }))
    }
    const commits = new GroupCommit({ insert })
    const blocker = commits.append([receivedEvent({ id: 'x' })])
    const broken = assert.rejects(commits.append([receivedEvent({ id: 'broken' })]), TypeError)
    const sound = commits.append([receivedEvent({ id: 'sound' })])
    await Promise.all([blocker, broken])
    assert.deepEqual(ids(await sound), ['sound'])
  })
})
