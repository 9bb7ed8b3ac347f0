import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { addTestDelivery } from '../../src/db/deliveries.ts'
import { pauseEndpoint, readEndpoint, resumeEndpoint, rotateEndpointSecret } from '../../src/db/endpoints.ts'
import { createAddressGuard } from '../../src/endpoints/address-guard.ts'
import { createPoster, type Poster } from '../../src/endpoints/poster.ts'
import { type Sent, serveEndpoint } from '../../src/endpoints/sender.ts'
import { createEndpointSecret } from '../../src/endpoints/signed-request.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { applyEvents, endpointWith, outboxTables } from './outbox-rig.ts'
import { Receiver } from './receiver.ts'

describe('a sender', () => {
  const { db } = useDatabase(outboxTables)
  let receiver: Receiver
  let poster: Poster
  const stops: (() => Promise<unknown>)[] = []
  before(() => {
    poster = createPoster({ guard: createAddressGuard(['127.0.0.1']), timeoutMs: 2_000 })
  })
  beforeEach(async () => {
    receiver = await Receiver.open()
  })
  afterEach(async () => {
    await Promise.allSettled(stops.splice(0).map((stop) => stop()))
    receiver.close()
  })
  after(() => poster.close())

  const email = (n: number) => ({ provider: 'aisend', emailId: `em_${n}` })
  const toReceiver = (settings = {}) => endpointWith(db, { url: receiver.url, ...settings })

  /** Sends until it is stopped, or ends by itself. */
  function serve(endpointId: string): { notify(): void; readonly ended: Promise<Sent>; stop(): Promise<Sent> } {
    const stopping = new AbortController()
    let notify = () => {}
    const ended = serveEndpoint({
      ...{ db, endpointId, name: randomUUID(), poster, signal: stopping.signal },
      subscribe: (onChange) => {
        notify = onChange
        return () => {}
      },
    })
    const stop = () => {
      stopping.abort()
      return ended
    }
    stops.push(stop)
    return { notify: () => notify(), ended, stop }
  }

  const states = async () => (await db.delivery.findMany({ orderBy: { id: 'asc' } })).map(({ state }) => state)
  const untilAll = (state: string) => until(async () => (await states()).every((found) => found === state))

  it('sends what waits and what is added, each email’s events in order, signed by every secret', async () => {
    const [old, present] = [createEndpointSecret(), createEndpointSecret()]
    const endpoint = await toReceiver({ secret: old })
    await rotateEndpointSecret(db, endpoint, present, 60_000)
    const types = ['queued', 'sending', 'sent']
    for (const type of types) for (const n of [1, 2, 3]) await applyEvents(db, email(n), { type })
    const sender = serve(endpoint)
    await until(() => receiver.received.length === 9)
    const addedAt = Date.now()
    await applyEvents(db, email(1), { type: 'delivered' })
    sender.notify()
    await until(() => receiver.received.length === 10)
    assert.ok(Date.now() - addedAt < 1_500, 'a notification is faster than the next look')
    for (const n of [1, 2, 3]) {
      const ofEmail = receiver.received.filter(({ body }) => body.includes(`"em_${n}"`)).map(({ event }) => event.type)
      assert.deepEqual(ofEmail.slice(0, 3), ['email.queued', 'email.sending', 'email.sent'])
    }
    for (const { headers, body, event, id } of receiver.received) {
      for (const secret of [old, present]) new Webhook(secret).verify(body, headers as Record<string, string>)
      assert.equal(id, event.id)
    }
    assert.deepEqual(await sender.stop(), { isInactive: false, delivered: 10, failed: 0 })
    await untilAll('delivered')
    const attempts = await db.deliveryAttempt.findMany()
    assert.deepEqual([attempts.length, attempts[0]?.status], [10, 204])
  })

  it('repeats a refused event with the same webhook-id, and holds back the next one of the email, not others', async () => {
    const endpoint = await toReceiver()
    await applyEvents(db, email(1), { type: 'sent' })
    await applyEvents(db, email(1), { type: 'delivered' })
    await applyEvents(db, email(2), { type: 'sent' })
    let refused = ''
    receiver.respond = (response, { id, event }) => {
      const isFirst =
        refused === '' && event.type === 'email.sent' && 'email' in event.data && event.data.email?.id === 'em_1'
      if (isFirst) refused = id
      response.writeHead(isFirst ? 500 : 204).end('sorry')
    }
    const sender = serve(endpoint)
    await until(async () => (await db.deliveryAttempt.count()) === 2)
    assert.deepEqual((await states()).toSorted(), ['delivered', 'pending', 'pending'])
    // In place of five seconds.
    await db.$executeRaw`UPDATE deliveries SET next_attempt_at = now()`
    sender.notify()
    await untilAll('delivered')
    assert.equal(receiver.ids().filter((id) => id === refused).length, 2)
    assert.equal(receiver.types().at(-1), 'email.delivered')
    const failure = await db.deliveryAttempt.findFirstOrThrow({ where: { status: 500 } })
    assert.equal(failure.answer, 'sorry')
  })

  it('only probes an endpoint that fails, and sends all that waits when one is accepted', async () => {
    const endpoint = await toReceiver()
    await Promise.all(Array.from({ length: 60 }, () => addTestDelivery(db, endpoint)))
    receiver.answer(503)
    const sender = serve(endpoint)
    await until(async () => ((await readEndpoint(db, endpoint))?.failures ?? 0) >= 5)
    await sender.stop()
    const burst = receiver.received.length
    // Those under way, and those that took the places of the first five.
    assert.ok(burst <= 32 + 5, `${burst} were sent before it was known`)
    // The probe is due: two of them fail, each with another event.
    for (const probes of [1, 2]) {
      await db.$executeRaw`UPDATE endpoints SET not_before = now()`
      const probing = serve(endpoint)
      await until(() => receiver.received.length === burst + probes)
      await until(async () => (await readEndpoint(db, endpoint))?.failures === 5 + probes)
      await probing.stop()
    }
    assert.equal(new Set(receiver.ids().slice(-2)).size, 2)
    assert.ok(
      (await db.delivery.findMany()).every(({ attempts }) => attempts <= 1),
      'a probe uses up no attempt',
    )
    receiver.accept()
    await db.$executeRaw`UPDATE endpoints SET not_before = now()`
    serve(endpoint)
    await untilAll('delivered')
    const healthy = await readEndpoint(db, endpoint)
    assert.deepEqual([healthy?.failures, healthy?.firstFailedAt, healthy?.notBefore], [0, null, null])
  })

  it('pauses the endpoint by 410, or after five days of failure, and drops nothing', async () => {
    const gone = await toReceiver()
    await addTestDelivery(db, gone)
    receiver.answer(410)
    assert.equal((await serve(gone).ended).isInactive, false)
    assert.equal((await readEndpoint(db, gone))?.pausedReason, 'gone')
    await resumeEndpoint(db, gone)
    await db.$executeRaw`UPDATE endpoints SET failures = 900, first_failed_at = now() - interval '5 days'`
    receiver.answer(500)
    await serve(gone).ended
    assert.equal((await readEndpoint(db, gone))?.pausedReason, 'failing')
    assert.deepEqual(await states(), ['pending'])
    receiver.accept()
    await resumeEndpoint(db, gone)
    serve(gone)
    await untilAll('delivered')
    assert.equal(new Set(receiver.ids()).size, 1)
  })

  it('ends when a person pauses the endpoint, and when another sender has taken over', async () => {
    const endpoint = await toReceiver()
    const first = serve(endpoint)
    await until(async () => (await readEndpoint(db, endpoint))?.sender !== null)
    const second = serve(endpoint)
    assert.equal((await first.ended).isInactive, true)
    await pauseEndpoint(db, endpoint, { reason: 'person', by: 'ada' })
    assert.equal((await second.ended).isInactive, true)
    await addTestDelivery(db, endpoint)
    assert.equal((await serve(endpoint).ended).isInactive, true)
    assert.equal(receiver.received.length, 0)
  })

  it('that is stopped finishes what is under way, and leaves the rest to the next one', async () => {
    const endpoint = await toReceiver()
    await Promise.all(Array.from({ length: 100 }, () => addTestDelivery(db, endpoint)))
    const answers: (() => void)[] = []
    receiver.respond = (response) => void answers.push(() => response.writeHead(204).end())
    const sender = serve(endpoint)
    await until(() => answers.length === 32)
    const stopped = sender.stop()
    for (const answer of answers) answer()
    assert.equal((await stopped).delivered, 32)
    receiver.accept()
    serve(endpoint)
    await untilAll('delivered')
    assert.equal(receiver.received.length, 100)
    assert.equal(new Set(receiver.ids()).size, 100)
  })

  it('does not stop at an event that cannot be written', async () => {
    const endpoint = await toReceiver()
    await addTestDelivery(db, endpoint)
    await db.$executeRaw`UPDATE deliveries SET type = 'email.invented'`
    await addTestDelivery(db, endpoint)
    serve(endpoint)
    await until(async () => (await states()).join() === 'failed,delivered')
  })
})
