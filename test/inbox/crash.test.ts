import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { claimEvents } from '../../src/db/event-claims.ts'
import { insertEvents } from '../../src/db/events.ts'
import { workflowIdOf } from '../../src/temporal/email-workflows.ts'
import { expireLeases } from '../db/stored.ts'
import { receivedEvent } from '../received-event.ts'
import { testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import {
  type Instance,
  isAllApplied,
  Lifecycles,
  opensCounted,
  opensOf,
  startInstance,
  UnansweredSignals,
} from './instance.ts'

describe('the inbox after a crash', () => {
  const database = useDatabase('events, emails')
  const { db } = database
  let lifecycles: Lifecycles
  const instances: Instance[] = []

  before(async () => {
    lifecycles = new Lifecycles(await testTemporal())
  })
  after(() => lifecycles.close())
  afterEach(() => Promise.all(instances.splice(0).map((instance) => instance.close())))

  const instance = (...parts: Parameters<typeof startInstance>): Instance => {
    const started = startInstance(...parts)
    instances.push(started)
    return started
  }

  it('between commit and signal: another instance signals the events when their lease is over, not before', async () => {
    const unanswered = new UnansweredSignals()
    const run = randomUUID()
    const first = receivedEvent({ emailId: `${run}:first`, id: `${run}:first` })
    await insertEvents(db, [first], () => false)
    const crashed = instance(database.url, unanswered, 60_000)
    try {
      // Its first poll is over: it claims nothing more by itself for a minute.
      await until(() => unanswered.received.length === 1)
      await crashed.inbox.append(opensOf(run, 4, 12))
      // Longer than a real lease, so that it does not expire on a slow machine.
      await db.$executeRaw`UPDATE events SET lease_until = now() + interval '10 minutes'`
      const other = instance(database.url, lifecycles.emailWorkflows)
      const later = receivedEvent({ emailId: `${run}:later`, id: `${run}:later` })
      await insertEvents(db, [later], () => false)
      await until(() => other.signalled.length > 0)
      assert.deepEqual(other.signalled, [later.id], 'leased events are not signalled')
      await expireLeases(db)
      const stopWorker = await lifecycles.startWorker(database.url)
      await until(() => isAllApplied(db)).finally(stopWorker)
      assert.equal(await opensCounted(db), 12)
      assert.deepEqual([...new Set(other.signalled)].length, 14)
    } finally {
      unanswered.resolve()
    }
  })

  it('between signal and save: events that are signalled again are applied once', async () => {
    const run = randomUUID()
    const [open] = opensOf(run, 1, 1)
    assert.ok(open)
    const crashed = instance(database.url, lifecycles.emailWorkflows, 60_000)
    await crashed.inbox.append([open])
    await until(() => crashed.signalled.length === 1)
    assert.equal(await isAllApplied(db), false)
    await expireLeases(db)
    const other = instance(database.url, lifecycles.emailWorkflows)
    await until(() => other.signalled.length === 1)
    const { events } = await lifecycles.client.workflow.getHandle(workflowIdOf(open)).fetchHistory()
    const signals = events?.filter((event) => event.workflowExecutionSignaledEventAttributes)
    assert.equal(signals?.length, 2)
    const stopWorker = await lifecycles.startWorker(database.url)
    try {
      await until(() => isAllApplied(db))
    } finally {
      await stopWorker()
    }
    const row = await db.email.findFirstOrThrow()
    assert.deepEqual([row.opensTotal, row.opensHuman, row.revision], [1, 1, 1])
  })

  it('is drained by two instances at once: each event is claimed by one, and counted once', async () => {
    const run = randomUUID()
    // A person's open would settle delivery, and later opens of its
    // email would not be signalled.
    const opens = opensOf(run, 150, 600).map((open) => ({ ...open, human: false }))
    await insertEvents(db, opens, () => false)
    const stopWorker = await lifecycles.startWorker(database.url)
    // A small window takes many claims, of which both instances make some.
    const both = [1, 2].map(() => instance(database.url, lifecycles.emailWorkflows, 20, 50))
    try {
      await until(() => isAllApplied(db), 40_000)
    } finally {
      await stopWorker()
    }
    const shares = both.map(({ signalled }) => signalled.length)
    assert.equal(new Set(both.flatMap(({ signalled }) => signalled)).size, 600)
    assert.ok(
      shares.every((share) => share > 0),
      `both claimed events: ${shares}`,
    )
    assert.equal(
      shares.reduce((sum, share) => sum + share),
      600,
      'no event was signalled twice within its lease',
    )
    assert.equal(await opensCounted(db), 600)
    assert.deepEqual((await claimEvents(db, { window: 10, emails: 10 })).events, [])
  })
})
