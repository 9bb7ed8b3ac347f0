import assert from 'node:assert/strict'
import { WorkflowUpdateFailedError } from '@temporalio/client'
import { createEndpointActivities } from '../../src/activities/create-endpoint-activities.ts'
import { addTestDelivery } from '../../src/db/deliveries.ts'
import { deleteEndpoint, pauseEndpoint, readEndpoint, resumeEndpoint } from '../../src/db/endpoints.ts'
import { createAddressGuard } from '../../src/endpoints/address-guard.ts'
import { createPoster, type Poster } from '../../src/endpoints/poster.ts'
import { createEndpointWorkflows, type EndpointWorkflows, endpointWorkflowIdOf } from '../../src/temporal/endpoints.ts'
import { runEndpointWorker } from '../../src/temporal/run-endpoint-worker.ts'
import * as messages from '../../src/workflows/endpoint-messages.ts'
import type { serveEndpoints } from '../../src/workflows/scheduled.ts'
import { endpointWith } from '../endpoints/outbox-rig.ts'
import { Receiver } from '../endpoints/receiver.ts'
import { quietLog } from '../quiet.ts'
import { ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { EmailRig } from './email-rig.ts'

describe('the workflow of an endpoint', () => {
  let rig: EmailRig
  let receiver: Receiver
  let poster: Poster
  let workflows: EndpointWorkflows
  let worker: { stop(): Promise<void> }
  before(async () => {
    // Its own: the task queue of the activities has one name for all.
    rig = await EmailRig.start({ temporalAddress: (await ownTemporal()).address })
    receiver = await Receiver.open()
    poster = createPoster({ guard: createAddressGuard(['127.0.0.1']) })
    workflows = createEndpointWorkflows(rig.client, rig.taskQueue)
    worker = startWorker()
  })
  after(async () => {
    await worker.stop()
    poster.close()
    receiver.close()
    await rig.stop()
  })

  function startWorker(lastsMs?: number) {
    const stopping = new AbortController()
    return runEndpointWorker({
      target: rig.target,
      activities: createEndpointActivities({
        ...{ db: rig.db, poster, subscribe: () => () => {}, stopping: stopping.signal },
        ...(lastsMs !== undefined && { lastsMs }),
      }),
      deployment: null,
      log: quietLog,
      onShutdown: () => stopping.abort(),
    })
  }

  const handleOf = (id: string) => rig.client.workflow.getHandle(endpointWorkflowIdOf(id))
  const isSent = ({ messageId }: { messageId: string }) => until(() => receiver.ids().includes(messageId))

  async function served(): Promise<string> {
    const id = await endpointWith(rig.db, { url: receiver.url })
    assert.equal(await workflows.ensureStarted(id), true)
    assert.equal(await workflows.ensureStarted(id), false)
    const { raw } = await handleOf(id).describe()
    assert.equal(raw.workflowExecutionInfo?.priority?.priorityKey, 1, 'it goes before a backlog of emails')
    await isSent(await addTestDelivery(rig.db, id))
    return id
  }

  it('sends until the endpoint is deleted, and keeps its URL and payloads out of the history', async () => {
    const id = await served()
    await deleteEndpoint(rig.db, id)
    await workflows.changed(id)
    await handleOf(id).result()
    const { events } = await handleOf(id).fetchHistory()
    const text = JSON.stringify(events, (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString() : value,
    )
    assert.match(text, new RegExp(id))
    assert.doesNotMatch(text, /hooks|127\.0\.0\.1|endpoint\.test|whsec_/)
  })

  it('is paused and resumed from the Web UI, which says so, and sends or skips what was missed', async () => {
    const id = await served()
    const handle = handleOf(id)
    await assert.rejects(
      handle.executeUpdate(messages.pauseEndpoint, { args: [{ by: 'ada@example.com' }] }),
      WorkflowUpdateFailedError,
    )
    assert.deepEqual(await handle.executeUpdate(messages.pauseEndpoint, { args: [{ by: 'ada' }] }), {
      hasChanged: true,
    })
    await until(async () => (await handle.query(messages.endpointStatus)).delivered === 1)
    assert.equal((await handle.query(messages.endpointStatus)).state, 'paused')
    const missed = await addTestDelivery(rig.db, id)
    await handle.executeUpdate(messages.resumeEndpoint, { args: [{}] })
    await isSent(missed)
    await handle.executeUpdate(messages.pauseEndpoint, { args: [{ by: 'ada' }] })
    await until(async () => (await handle.query(messages.endpointStatus)).delivered === 2)
    const skipped = await addTestDelivery(rig.db, id)
    await handle.executeUpdate(messages.resumeEndpoint, { args: [{ skip: true }] })
    await isSent(await addTestDelivery(rig.db, id))
    assert.ok(!receiver.ids().includes(skipped.messageId))
  })

  it('acts on what the API has written: a pause without Temporal, and a resume', async () => {
    const id = await served()
    await pauseEndpoint(rig.db, id, { reason: 'person', by: 'ada' })
    await until(async () => (await handleOf(id).query(messages.endpointStatus)).state === 'paused')
    const missed = await addTestDelivery(rig.db, id)
    await resumeEndpoint(rig.db, id)
    await workflows.changed(id)
    await isSent(missed)
  })

  it('goes on with another worker when its own one stops, and with the next call when the time of one is over', async () => {
    const id = await served()
    const senderOf = async () => (await readEndpoint(rig.db, id))?.sender
    const first = await senderOf()
    await worker.stop()
    worker = startWorker(200)
    await until(async () => (await senderOf()) !== first)
    const second = await senderOf()
    await until(async () => (await senderOf()) !== second)
    await isSent(await addTestDelivery(rig.db, id))
  })

  it('is started by the scheduled job where none is running', async () => {
    const id = await endpointWith(rig.db, { url: receiver.url })
    const pulled = await endpointWith(rig.db, { url: null })
    const run = { workflowId: `serve-${id}`, taskQueue: rig.taskQueue }
    assert.deepEqual(await rig.client.workflow.execute<typeof serveEndpoints>('serveEndpoints', run), { started: 1 })
    await isSent(await addTestDelivery(rig.db, id))
    await assert.rejects(handleOf(pulled).describe())
  })

  it('that has paused itself raises an incident, which ends when it is resumed', async () => {
    const id = await endpointWith(rig.db, { url: receiver.url })
    await pauseEndpoint(rig.db, id, { reason: 'failing' })
    assert.deepEqual((await rig.watchForIncidents()).raised, [`endpoint_failing endpoint:${id}`])
    await until(() => rig.notices.some(({ detail }) => detail.includes(id) && detail.includes('failed for five days')))
    await resumeEndpoint(rig.db, id)
    assert.deepEqual((await rig.watchForIncidents()).cleared, [`endpoint_failing endpoint:${id}`])
    await until(async () => (await rig.db.escalation.findFirst())?.state === 'resolved')
  })
})
