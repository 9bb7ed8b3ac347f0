import assert from 'node:assert/strict'
import { createDatabase } from '../../src/db/database.ts'
import { startTracing } from '../../src/telemetry/start-tracing.ts'
import { traceIdOf } from '../../src/telemetry/trace-ids.ts'
import type { Tracing } from '../../src/telemetry/tracing.ts'
import { startWholeSystem, type WholeSystem } from '../browser/whole-system.ts'
import { receivedEvent } from '../received-event.ts'
import { ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { type CollectedSpan, type Collector, startCollector } from './collector.ts'

const address = 'ada.lovelace@example.com'
const subject = 'The first programme'

describe('tracing', function () {
  this.timeout(60_000)
  let collector: Collector
  let tracing: Tracing
  let system: WholeSystem
  before(async () => {
    collector = await startCollector()
    // OpenTelemetry's own variable: how long spans are batched.
    process.env['OTEL_BSP_SCHEDULE_DELAY'] = '50'
    tracing = startTracing({ url: collector.url, headers: {}, serviceName: 'aftersend-test', sampleRatio: 1 })
    delete process.env['OTEL_BSP_SCHEDULE_DELAY']
    const { address: temporalAddress } = await ownTemporal()
    const env = { LINGER_AFTER_SETTLED: '500ms' }
    system = await startWholeSystem({ env, temporalAddress, parts: { tracing } })
  })
  after(async () => {
    await system.stop()
    await tracing.stop()
    collector.close()
  })

  const spansOf = (emailId: string): CollectedSpan[] => {
    const traceId = traceIdOf({ provider: 'aisend', emailId })
    return collector.spans.filter((span) => span.traceId === traceId)
  }
  const named = (spans: readonly CollectedSpan[], name: string): CollectedSpan => {
    const found = spans.find((span) => span.name === name)
    assert.ok(found, `no span ${name} among ${spans.map((span) => span.name).join(', ')}`)
    return found
  }
  const isComplete = (emailId: string) => spansOf(emailId).some(({ name }) => name === 'RunWorkflow:emailLifecycle')

  it('shows the path of an email from webhook through signal, workflow and activity to the statement in one trace', async () => {
    await system.webhook('delivered', 'em_traced', { to: address, subject })
    await until(() => isComplete('em_traced'))
    const spans = spansOf('em_traced')
    // From the innermost out: each is the child of the next.
    const path = [
      'INSERT emails',
      'RunActivity:saveSnapshot',
      'StartActivity:saveSnapshot',
      'RunWorkflow:emailLifecycle',
      'SignalWithStartWorkflow:emailLifecycle',
      'hand over events',
      'receive delivered',
    ].map((name) => named(spans, name))
    for (const [n, span] of path.entries()) {
      const parent = path[n + 1]
      assert.equal(span.parentSpanId || undefined, parent?.spanId, span.name)
    }
    assert.equal(named(spans, 'INSERT events').parentSpanId, named(spans, 'commit events').spanId)
    assert.ok(named(spans, 'HandleSignal:eventsReceived').parentSpanId)
  })

  it('contains the IDs of email, event and request, and no personal data', async () => {
    const receipt = named(spansOf('em_traced'), 'receive delivered')
    const attributes = Object.fromEntries(receipt.attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
    assert.equal(attributes['aftersend.email_id'], 'em_traced')
    assert.equal(attributes['http.route'], '/webhooks/:provider')
    assert.match(String(attributes['aftersend.request_id']), /^[0-9a-f-]{36}$/)
    assert.match(String(attributes['aftersend.event_id']), /^evt_/)
    for (const word of [address, 'lovelace', subject]) assert.ok(!collector.text().includes(word), word)
  })

  it('has one trace for the whole lifecycle: registration, later webhooks, and the run that reopens it', async () => {
    await system.register({ id: 'em_reopened', to: address, subject })
    await system.webhook('delivered', 'em_reopened', { to: address })
    await until(() => isComplete('em_reopened'))
    await system.webhook('complained', 'em_reopened', { to: address })
    await until(() => spansOf('em_reopened').filter(({ name }) => name.startsWith('RunWorkflow')).length === 2)
    for (const word of ['registration', 'delivered', 'complained']) named(spansOf('em_reopened'), `receive ${word}`)
  })

  it('finds the trace when one process relays what another received', async () => {
    const { db } = system
    await db.$executeRaw`
      INSERT INTO events (provider, event_id, email_id, type, occurred_at, received_at, payload, lease_until)
      VALUES ('aisend', 'evt_swept', 'em_swept', 'delivered', now(), now(), '{}', now() - interval '1 second')`
    await until(() => isComplete('em_swept'))
    const names = spansOf('em_swept').map(({ name }) => name)
    assert.ok(names.includes('hand over events') && names.includes('RunActivity:saveSnapshot'), names.join())
  })

  it('gives a repeat its own span', async () => {
    const repeated = (await system.db.event.findFirstOrThrow({ where: { emailId: 'em_traced' } })).payload
    assert.ok(repeated)
    const { id } = JSON.parse(JSON.stringify(repeated)) as { id: string }
    await system.webhook('delivered', 'em_traced', {}, id)
    await until(() => spansOf('em_traced').filter(({ name }) => name === 'receive delivered').length === 2)
    const ids = spansOf('em_traced').map(({ spanId }) => spanId)
    assert.equal(new Set(ids).size, ids.length)
  })

  it('samples by the email’s ID, so that all processes agree', async () => {
    const none = startTracing({ url: collector.url, headers: {}, serviceName: 'other', sampleRatio: 0 })
    const before = collector.spans.length
    none.inbox.stored(receivedEvent({ emailId: 'em_not_sampled', id: 'evt_not_sampled' }), true)
    await none.inbox.storing([receivedEvent({ emailId: 'em_not_sampled', id: 'evt_not_sampled' })], async () => {})
    await none.stop()
    assert.equal(collector.spans.length, before)
  })

  it('does not trace statements outside of a span', async () => {
    const db = createDatabase({ url: 'postgresql://nobody@127.0.0.1:1/nothing' })
    tracing.traceStatements(db.pool)
    const before = collector.spans.length
    await assert.rejects(db.pool.query('SELECT 1'))
    assert.equal(collector.spans.length, before)
    await db.$disconnect()
  })
})
