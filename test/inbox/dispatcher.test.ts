import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import type { EventKey } from '../../src/db/events.ts'
import type { WaitingEvent } from '../../src/db/leases.ts'
import type { EmailKey, LifecycleEvent } from '../../src/domain/events.ts'
import { TemporalUnavailableError } from '../../src/errors.ts'
import { Dispatcher, type DispatcherOptions } from '../../src/inbox/dispatcher.ts'
import { until } from '../until.ts'

const waiting = (emailId: string, id: string): WaitingEvent => ({
  email: { provider: 'aisend', emailId },
  event: { id, type: 'sent', occurredAt: 1, receivedAt: 1 },
  recipientDomain: null,
})

/** A Temporal whose answers the test gives. */
class HeldTemporal {
  readonly signals: { emailId: string; events: string[] }[] = []
  readonly signalled: string[] = []
  readonly rejected: string[] = []
  failures = 0
  returns = 0
  isAway = false
  #answers: (() => void)[] = []

  signal = async ({ emailId }: EmailKey, events: readonly LifecycleEvent[]) => {
    this.signals.push({ emailId, events: events.map(({ id }) => id) })
    if (this.isAway) throw new TemporalUnavailableError('away')
    if (emailId === 'refused') throw new TypeError('too large')
    await new Promise<void>((resolve) => this.#answers.push(resolve))
  }

  dispatcher = (options: Partial<DispatcherOptions> = {}) =>
    new Dispatcher({
      lives: { signal: this.signal },
      onSignalled: (keys) => this.signalled.push(...idsOf(keys)),
      onRejected: (keys) => this.rejected.push(...idsOf(keys)),
      onFailure: () => {
        this.failures += 1
      },
      onReturn: () => {
        this.returns += 1
      },
      ...options,
    })

  async answerAll(): Promise<void> {
    for (const answer of this.#answers.splice(0)) answer()
    await turn()
  }
}

const idsOf = (keys: readonly EventKey[]) => keys.map(({ id }) => id)

describe('the dispatcher', () => {
  it('sends what came for an email during a signal together in the next one', async () => {
    const temporal = new HeldTemporal()
    const dispatcher = temporal.dispatcher()
    dispatcher.offer([waiting('one', 'a')])
    for (const id of ['b', 'c', 'd']) dispatcher.offer([waiting('one', id)])
    await temporal.answerAll()
    await temporal.answerAll()
    assert.deepEqual(
      temporal.signals.map(({ events }) => events),
      [['a'], ['b', 'c', 'd']],
    )
    assert.deepEqual(temporal.signalled, ['a', 'b', 'c', 'd'])
  })

  it('has only so many signals under way at once', async () => {
    const temporal = new HeldTemporal()
    temporal.dispatcher({ concurrency: 2 }).offer(['a', 'b', 'c'].map((id) => waiting(`email of ${id}`, id)))
    assert.equal(temporal.signals.length, 2)
    await temporal.answerAll()
    assert.equal(temporal.signals.length, 3)
  })

  it('holds back what may not go on yet, and gathers it by email', async () => {
    const temporal = new HeldTemporal()
    let hasRoom = false
    const dispatcher = temporal.dispatcher({ pace: { hasRoom: () => hasRoom, isStalled: () => false } })
    for (const id of ['a', 'b']) dispatcher.offer([waiting('one', id)])
    assert.deepEqual(temporal.signals, [])
    hasRoom = true
    dispatcher.goOn()
    assert.deepEqual(temporal.signals, [{ emailId: 'one', events: ['a', 'b'] }])
  })

  it('takes nothing from the database, and keeps nothing for itself, while workers are away', () => {
    let isStalled = false
    const dispatcher = new HeldTemporal().dispatcher({ pace: { hasRoom: () => false, isStalled: () => isStalled } })
    dispatcher.offer([waiting('one', 'a')])
    assert.deepEqual(idsOf(dispatcher.waitingFor(0)), ['a'])
    assert.ok(dispatcher.room().emails > 0)
    isStalled = true
    assert.deepEqual(dispatcher.waitingFor(0), [])
    assert.equal(dispatcher.room().emails, 0)
  })

  it('sends an event once that dispatch and sweep offer at the same time', async () => {
    const temporal = new HeldTemporal()
    const dispatcher = temporal.dispatcher()
    dispatcher.offer([waiting('one', 'a')])
    dispatcher.offer([waiting('one', 'a')])
    await temporal.answerAll()
    await temporal.answerAll()
    assert.deepEqual(temporal.signals, [{ emailId: 'one', events: ['a'] }])
  })

  it('leaves to the sweep what it has no room for', async () => {
    const temporal = new HeldTemporal()
    const dispatcher = temporal.dispatcher({ maxEvents: 2 })
    dispatcher.offer(['a', 'b', 'c'].map((id) => waiting(id, id)))
    assert.equal(dispatcher.room().emails, 0)
    await temporal.answerAll()
    assert.deepEqual(temporal.signalled, ['a', 'b'])
    assert.deepEqual(dispatcher.room(), { emails: 64, events: 1, isBusy: false })
  })

  it('lets a sweep fetch no more emails than it can send soon, and a share of them while it is busy', async () => {
    const temporal = new HeldTemporal()
    const dispatcher = temporal.dispatcher({ concurrency: 1 })
    dispatcher.offer(Array.from({ length: 32 }, (_, n) => waiting(`${n}`, `${n}`)))
    assert.deepEqual(dispatcher.room(), { emails: 64 - 31, events: (4_000 - 32) / 2, isBusy: false })
    dispatcher.offer([waiting('one more', 'one more')])
    assert.deepEqual(dispatcher.room(), { emails: 16, events: 1_983, isBusy: true })
    await temporal.answerAll()
    assert.equal(dispatcher.room().isBusy, false)
  })

  it('tells which events have waited to be signalled, those under way too', async () => {
    const temporal = new HeldTemporal()
    const dispatcher = temporal.dispatcher({ concurrency: 1 })
    dispatcher.offer([waiting('under way', 'a'), waiting('waits', 'b')])
    assert.deepEqual(dispatcher.waitingFor(60_000), [])
    assert.deepEqual(idsOf(dispatcher.waitingFor(0)), ['a', 'b'])
    await temporal.answerAll()
    assert.deepEqual(idsOf(dispatcher.waitingFor(0)), ['b'])
    await temporal.answerAll()
    assert.deepEqual(dispatcher.waitingFor(0), [])
  })

  it('says whether there is room for a group of events', () => {
    const dispatcher = new HeldTemporal().dispatcher({ maxEvents: 3 })
    dispatcher.offer([waiting('one', 'a')])
    assert.deepEqual([dispatcher.takes(2), dispatcher.takes(3)], [true, false])
  })

  it('keeps what Temporal could not take, tries one at a time, and goes on when it is back', async () => {
    const temporal = new HeldTemporal()
    temporal.isAway = true
    const dispatcher = temporal.dispatcher()
    dispatcher.offer(['a', 'b', 'c'].map((id) => waiting(id, id)))
    await until(() => temporal.failures >= 5)
    assert.equal(dispatcher.room().emails, 0, 'a sweep must not claim what cannot be sent')
    temporal.isAway = false
    await until(async () => {
      await temporal.answerAll()
      return temporal.signalled.length === 3
    })
    assert.deepEqual(temporal.signalled.sort(), ['a', 'b', 'c'])
    assert.equal(temporal.returns, 1)
    assert.ok(dispatcher.room().emails > 0)
  })

  it('hands back events that cannot be taken however often they are sent', async () => {
    const temporal = new HeldTemporal()
    temporal.dispatcher().offer([waiting('refused', 'a'), waiting('sound', 'b')])
    await temporal.answerAll()
    assert.deepEqual([temporal.rejected, temporal.signalled, temporal.failures], [['a'], ['b'], 0])
  })

  it('waits for the signals under way when it is closed, and takes no more', async () => {
    const temporal = new HeldTemporal()
    const dispatcher = temporal.dispatcher()
    dispatcher.offer([waiting('one', 'a')])
    const closed = dispatcher.close()
    dispatcher.offer([waiting('two', 'b')])
    await temporal.answerAll()
    await closed
    assert.deepEqual(temporal.signalled, ['a'])
    assert.equal(temporal.signals.length, 1)
  })
})
