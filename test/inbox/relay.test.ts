import assert from 'node:assert/strict'
import type { StoredEventKey } from '../../src/db/event-key.ts'
import type { EmailKey, LifecycleEvent, Priority } from '../../src/domain/events.ts'
import { TemporalRefusedError, TemporalUnavailableError, WorkflowBusyError } from '../../src/errors.ts'
import type { Claim, ClaimLimits, RelayedEvent } from '../../src/inbox/event-store.ts'
import { Relay, type RelayOptions } from '../../src/inbox/relay.ts'
import { ManualClock, settled } from './manual-clock.ts'

const relayed = (id: string, more: Partial<RelayedEvent> & { emailId?: string; type?: 'sent' | 'opened' } = {}) => {
  const { emailId = id, type = 'sent', ...rest } = more
  const event = { id, type, human: true, occurredAt: 0, receivedAt: 0 } as LifecycleEvent
  const email = { provider: 'aisend', emailId }
  return {
    email,
    event,
    priority: 'normal',
    recipientDomain: null,
    account: null,
    ...rest,
  } satisfies RelayedEvent
}

/** Workflows whose signals the test settles. */
class Signals {
  readonly open: { readonly ids: string[]; readonly priority: Priority | undefined; settle(error?: Error): void }[] = []
  readonly sent: string[][] = []

  signal = (_email: EmailKey, events: readonly LifecycleEvent[], _domain: string | null, priority?: Priority) =>
    new Promise<void>((resolve, reject) => {
      const ids = events.map(({ id }) => id)
      this.sent.push(ids)
      this.open.push({ ids, priority, settle: (error) => (error ? reject(error) : resolve()) })
    })

  async settleAll(error?: Error): Promise<void> {
    for (const { settle } of this.open.splice(0)) settle(error)
    await settled()
  }
}

/** Unclaimed events, and a record of what happened to claimed ones. */
class Store {
  unclaimed: RelayedEvent[] = []
  inFlight = 0
  readonly claims: ClaimLimits[] = []
  readonly released: string[] = []
  readonly deferred: string[] = []
  readonly engagements: string[][] = []
  /** Opens and clicks whose email is not settled. */
  readonly unsettled = new Set<string>()

  async claim(limits: ClaimLimits): Promise<Claim> {
    this.claims.push(limits)
    const room = Math.max(0, Math.min(limits.emails, limits.window - this.inFlight))
    const events = this.unclaimed.splice(0, room)
    this.inFlight += events.length
    return { events, inFlight: this.inFlight, hasMore: this.unclaimed.length > 0 && room > 0 }
  }
  release = async (keys: readonly StoredEventKey[]) => {
    this.inFlight -= keys.length
    this.released.push(...keys.map(({ id }) => id))
  }
  defer = async (keys: readonly StoredEventKey[]) => void this.deferred.push(...keys.map(({ id }) => id))
  reject = async () => []
  applyEngagements = async (keys: readonly StoredEventKey[]) => {
    this.engagements.push(keys.map(({ id }) => id))
    return keys.filter(({ id }) => !this.unsettled.has(id))
  }
}

describe('the relay', () => {
  let clock: ManualClock
  let store: Store
  let signals: Signals
  let rejected: [string[], string][]
  let failures: number
  let relay: Relay

  const start = (more: Partial<RelayOptions> = {}) => {
    relay = new Relay({
      store,
      workflows: signals,
      clock,
      coalesceMs: { critical: 0, normal: 0, bulk: 0 },
      onFailure: () => {
        failures += 1
      },
      onRejected: (keys, reason) => rejected.push([keys.map(({ id }) => id), reason]),
      window: 8,
      concurrency: 2,
      ...more,
    })
    relay.start()
  }

  /** Whether `count` events of that type are to be claimed. */
  const claims = (count: number, type: 'sent' | 'opened' = 'sent') =>
    relay.claims(Array.from({ length: count }, () => ({ type })))({ type })

  beforeEach(() => {
    ;[clock, store, signals, rejected, failures] = [new ManualClock(), new Store(), new Signals(), [], 0]
  })
  afterEach(async () => {
    const closing = relay.close()
    for (let turn = 0; turn < 10; turn++) await signals.settleAll()
    await clock.pass(2_000)
    await closing
  })

  it('sends the events that arrive during a signal together in the next one', async () => {
    start()
    relay.accept([relayed('a', { emailId: 'em' })])
    relay.accept([relayed('b', { emailId: 'em' }), relayed('c', { emailId: 'em' })])
    assert.deepEqual(signals.sent, [['a']])
    await signals.settleAll()
    assert.deepEqual(signals.sent, [['a'], ['b', 'c']])
  })

  it('limits the active signals, and sends the most urgent next', async () => {
    start()
    relay.accept(['a', 'b', 'c'].map((id) => relayed(id)))
    relay.accept([relayed('bulk', { priority: 'bulk' }), relayed('critical', { priority: 'critical' })])
    assert.deepEqual(signals.sent, [['a'], ['b']])
    signals.open.shift()?.settle()
    await settled()
    assert.deepEqual(signals.sent.at(-1), ['critical'])
    assert.equal(signals.open.at(-1)?.priority, 'critical')
  })

  it('coalesces events of one email for the time of their priority, and critical ones not at all', async () => {
    start({ coalesceMs: { critical: 0, normal: 1_000, bulk: 3_000 } })
    relay.accept([relayed('n1', { emailId: 'n' }), relayed('c1', { priority: 'critical' })])
    assert.deepEqual(signals.sent, [['c1']])
    await clock.pass(900)
    relay.accept([relayed('n2', { emailId: 'n' })])
    await clock.pass(99)
    assert.equal(signals.sent.length, 1)
    await clock.pass(1)
    assert.deepEqual(signals.sent.at(-1), ['n1', 'n2'])
  })

  it('stops coalescing when a critical event arrives for the email', async () => {
    start({ coalesceMs: { critical: 0, normal: 1_000, bulk: 1_000 } })
    relay.accept([relayed('a', { emailId: 'em' })])
    relay.accept([relayed('b', { emailId: 'em', priority: 'critical' })])
    assert.deepEqual(signals.sent, [['a', 'b']])
    assert.equal(signals.open[0]?.priority, 'critical')
  })

  it('applies opens and clicks of settled emails together, without signals', async () => {
    start()
    relay.accept(['a', 'b', 'c'].map((id) => relayed(id, { type: 'opened' })))
    relay.accept([relayed('sent')])
    await settled()
    assert.deepEqual(store.engagements, [['a', 'b', 'c']])
    assert.deepEqual(signals.sent, [['sent']])
  })

  it('signals opens and clicks of unsettled emails, which then count in the window', async () => {
    start()
    await settled()
    store.unsettled.add('b').add('c')
    relay.accept(['a', 'b', 'c'].map((id) => relayed(id, { type: 'opened' })))
    await settled()
    assert.deepEqual(signals.sent, [['b'], ['c']])
    assert.deepEqual([claims(6), claims(7)], [true, false])
  })

  it('has room up to the window, and again when events are applied', async () => {
    start()
    await settled()
    store.inFlight = 8
    relay.accept(Array.from({ length: 8 }, (_, n) => relayed(`evt_${n}`)))
    assert.equal(claims(1), false)
    store.inFlight = 3
    await clock.pass(200)
    assert.deepEqual([claims(5), claims(6)], [true, false])
  })

  it('has room for opens and clicks while the window is full, and does not count them', async () => {
    start()
    relay.accept(Array.from({ length: 8 }, (_, n) => relayed(`evt_${n}`)))
    assert.deepEqual([claims(1), claims(2, 'opened')], [false, true])
    const mixed = relay.claims([{ type: 'sent' }, { type: 'opened' }])
    assert.deepEqual([mixed({ type: 'sent' }), mixed({ type: 'opened' })], [false, true])
    store.inFlight = 6
    await clock.pass(200)
    relay.accept(['a', 'b'].map((id) => relayed(id, { type: 'opened' })))
    assert.deepEqual([claims(2), claims(3)], [true, false])
    assert.equal(claims(1_000_000, 'opened'), false)
  })

  it('claims unclaimed events as soon as it is notified, and all of them without a pause', async () => {
    start({ window: 4, concurrency: 10 })
    await clock.pass(100)
    store.unclaimed = Array.from({ length: 10 }, (_, n) => relayed(`evt_${n}`))
    relay.noteUnclaimed()
    await clock.pass(30)
    assert.equal(signals.sent.length, 4)
    store.inFlight = 0
    await clock.pass(100)
    store.inFlight = 0
    await clock.pass(100)
    assert.equal(signals.sent.length, 10)
  })

  it('polls for events that others have released', async () => {
    start()
    await clock.pass(500)
    store.unclaimed = [relayed('released')]
    await clock.pass(1_000)
    assert.deepEqual(signals.sent, [['released']])
  })

  it('polls at most fifty times a second', async () => {
    start()
    for (let n = 0; n < 100; n++) {
      relay.noteUnclaimed()
      await clock.pass(1)
    }
    assert.ok(store.claims.length <= 6, `${store.claims.length} polls in 100 ms`)
  })

  describe('while Temporal is away', () => {
    const away = new TemporalUnavailableError('no answer')

    it('releases all events, has no room, and probes with one at a time and a growing pause', async () => {
      start()
      relay.accept(['a', 'b', 'c', 'd'].map((id) => relayed(id)))
      await signals.settleAll(away)
      assert.deepEqual(store.released.sort(), ['a', 'b', 'c', 'd'])
      assert.deepEqual([relay.status().state, claims(1), failures], ['away', false, 2])
      store.unclaimed = ['a', 'b', 'c', 'd'].map((id) => relayed(id))
      signals.sent.length = 0
      for (let second = 0; second < 10; second++) {
        await clock.pass(1_000)
        assert.ok(signals.open.length <= 1, 'one at a time')
        await signals.settleAll(away)
        store.unclaimed = ['a', 'b', 'c', 'd'].map((id) => relayed(id))
      }
      assert.ok(signals.sent.length >= 5 && signals.sent.length <= 12, `${signals.sent.length} in ten seconds`)
    })

    it('does not probe sooner for new events', async () => {
      start()
      relay.accept([relayed('a')])
      await signals.settleAll(away)
      signals.sent.length = 0
      for (let ms = 0; ms < 10_000; ms += 10) {
        store.unclaimed = [relayed('a')]
        relay.noteUnclaimed()
        await clock.pass(10)
        await signals.settleAll(away)
      }
      assert.ok(signals.sent.length >= 5 && signals.sent.length <= 15, `${signals.sent.length} in ten seconds`)
    })

    it('sends all events as soon as a signal is accepted', async () => {
      start({ concurrency: 10 })
      relay.accept([relayed('a')])
      await signals.settleAll(away)
      store.inFlight = 0
      store.unclaimed = ['a', 'b', 'c'].map((id) => relayed(id))
      await clock.pass(1_000)
      assert.deepEqual(signals.sent.at(-1), ['a'])
      await signals.settleAll()
      assert.deepEqual(relay.status(), { state: 'flowing', since: null, detail: null })
      assert.deepEqual(signals.sent.slice(-2), [['b'], ['c']])
    })

    it('applies opens and clicks of settled emails', async () => {
      start()
      relay.accept([relayed('a')])
      await signals.settleAll(away)
      store.unclaimed = ['x', 'y'].map((id) => relayed(id, { type: 'opened' }))
      await clock.pass(1_000)
      assert.deepEqual(store.engagements.flat().sort(), ['x', 'y'])
      assert.equal(relay.status().state, 'away')
    })

    it('probes although signalled events fill the window', async () => {
      start()
      relay.accept([relayed('a')])
      await signals.settleAll(away)
      store.inFlight = 8
      store.unclaimed = [relayed('b')]
      await clock.pass(1_000)
      assert.deepEqual(signals.sent.at(-1), ['b'])
    })
  })

  it('reports a refusal by Temporal, with its message and time', async () => {
    start()
    relay.accept([relayed('a')])
    const before = Date.now()
    await signals.settleAll(new TemporalRefusedError('Temporal refused: key revoked'))
    const { state, since, detail } = relay.status()
    assert.deepEqual([state, detail], ['refused', 'Temporal refused: key revoked'])
    assert.ok(since !== null && since >= before && since <= Date.now())
    assert.deepEqual([store.released, rejected], [['a'], []])
  })

  it('defers a busy workflow, and continues with all others', async () => {
    start()
    relay.accept(['busy', 'b', 'c'].map((id) => relayed(id)))
    signals.open.shift()?.settle(new WorkflowBusyError('too many restarts'))
    await settled()
    assert.deepEqual([store.deferred, relay.status().state, failures], [['busy'], 'flowing', 0])
    assert.deepEqual(signals.sent.at(-1), ['c'])
  })

  it('reports events that Temporal refuses', async () => {
    start()
    relay.accept([relayed('bad')])
    await signals.settleAll(new Error('refused', { cause: new Error('too long') }))
    assert.deepEqual(rejected, [[['bad'], 'refused: too long']])
    assert.equal(relay.status().state, 'flowing')
  })

  it('waits for the active signals when it is closed, and releases the other events', async () => {
    start({ coalesceMs: { critical: 0, normal: 0, bulk: 5_000 } })
    relay.accept([...['a', 'b', 'c'].map((id) => relayed(id)), relayed('coalescing', { priority: 'bulk' })])
    let isClosed = false
    const closing = relay.close().then(() => {
      isClosed = true
    })
    await clock.pass(2_000)
    assert.deepEqual([isClosed, store.released.sort()], [false, ['c', 'coalescing']])
    await signals.settleAll()
    await closing
    assert.deepEqual(signals.sent, [['a'], ['b']])
  })

  it('drops events that waited for nearly as long as their lease', async () => {
    start({ concurrency: 1 })
    relay.accept([relayed('slow'), relayed('late')])
    await clock.pass(26_000)
    await signals.settleAll()
    assert.deepEqual(signals.sent, [['slow']])
  })
})
