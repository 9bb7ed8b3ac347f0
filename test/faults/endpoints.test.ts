import assert from 'node:assert/strict'
import { createEndpointWorkflows } from '../../src/temporal/endpoints.ts'
import { taskQueue } from '../../src/temporal/worker.ts'
import { endpointWith } from '../endpoints/outbox-rig.ts'
import { Receiver } from '../endpoints/receiver.ts'
import { until } from '../until.ts'
import { inForm } from './form.ts'
import { Rig } from './rig.ts'

describe('faults: webhooks to applications', function () {
  this.timeout(inForm({ short: 120_000, long: 400_000 }))
  let rig: Rig
  let receiver: Receiver
  before(async () => {
    receiver = await Receiver.open()
    rig = await Rig.start({ env: { ENDPOINT_ALLOWED_HOSTS: '127.0.0.1' } })
  })
  after(async () => {
    await rig.stop()
    receiver.close()
  })

  it('worker and PostgreSQL killed: each applied event arrives, and a repeat has the same webhook-id', async () => {
    const endpoint = await endpointWith(rig.db, { url: receiver.url })
    await createEndpointWorkflows(rig.client, taskQueue).ensureStarted(endpoint)
    const provider = rig.provider(inForm({ short: 10, long: 30 }), 20)
    const more = async () => {
      const before = receiver.received.length
      await until(() => receiver.received.length > before + 20)
    }
    await more()
    for (let round = 0; round < inForm({ short: 1, long: 10 }); round++) {
      await rig.workers[0]?.end('SIGKILL')
      await rig.workers[0]?.start()
      await more()
      await rig.postgres.kill('SIGKILL')
      await rig.postgres.start()
      await more()
    }
    await provider.stop()
    await until(async () => (await rig.appliedCount()) >= provider.acknowledged.size)
    await until(async () => (await rig.db.delivery.count({ where: { state: 'pending' } })) === 0)
    const deliveries = await rig.db.delivery.findMany()
    const idsByEvent = new Map<string, Set<string>>()
    for (const { id, event } of receiver.received) {
      if (!('event' in event.data)) continue
      const known = idsByEvent.get(event.data.event.id)
      if (known) known.add(id)
      else idsByEvent.set(event.data.event.id, new Set([id]))
    }
    console.log(
      `      ${deliveries.length} deliveries, ${receiver.received.length - deliveries.length} of them repeated`,
    )
    assert.deepEqual(
      [...provider.acknowledged].filter((id) => !idsByEvent.has(id)),
      [],
      'none is lost',
    )
    assert.ok([...idsByEvent.values()].every((ids) => ids.size === 1))
    assert.deepEqual(new Set(receiver.ids()), new Set(deliveries.map(({ messageId }) => messageId)))
  })
})
