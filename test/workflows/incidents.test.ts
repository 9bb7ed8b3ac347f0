import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { addWebhookCounts } from '../../src/db/webhook-minutes.ts'
import { incidentIn } from '../../src/domain/incident.ts'
import { incidentWorkflowIdOf } from '../../src/temporal/incidents.ts'
import { CommandRefusedError } from '../../src/temporal/lives.ts'
import type { watchForIncidents } from '../../src/workflows/watch.ts'
import { until } from '../until.ts'
import { Living } from './living.ts'

const scope = 'provider:aisend'

describe('incidents', () => {
  let living: Living
  beforeEach(async () => {
    living = await Living.begin()
  })
  afterEach(async () => {
    // Their IDs are not of this test alone, and what runs on would be taken for the next test's.
    for (const { reason, emailId, provider } of await living.db.escalation.findMany()) {
      const incident = incidentIn({ provider, emailId })
      const id = incident && incidentWorkflowIdOf({ reason: reason as 'backlog', scope: incident.scope })
      if (id)
        await living.client.workflow
          .getHandle(id)
          .terminate()
          .catch(() => {})
    }
    await living.end()
  })

  const watch = () =>
    living.client.workflow.execute<typeof watchForIncidents>('watchForIncidents', {
      workflowId: `watch-${randomUUID()}`,
      taskQueue: living.taskQueue,
      args: [],
    })
  const escalations = () => living.db.escalation.findMany({ orderBy: { openedAt: 'asc' } })
  const send = (count: number, bounced: number, tags: string[] = []) =>
    living.db.email.createMany({
      data: Array.from({ length: count }, (_, n) => ({
        id: `em_${randomUUID()}`,
        provider: 'aisend',
        tags,
        delivery: n < bounced ? 'bounced' : 'delivered',
        status: n < bounced ? 'bounced' : 'delivered',
        bounceClass: n < bounced ? 'hard' : null,
        settledReceivedAt: new Date(),
      })),
    })
  const states = async () => (await escalations()).map(({ reason, state, resolvedBy }) => [reason, state, resolvedBy])

  it('call support once while a rate is too high, and are over when it is back', async () => {
    await send(100, 3)
    assert.deepEqual(await watch(), { raised: [`bounce_rate ${scope}`], cleared: [] })
    await until(() => living.notices.length === 1)
    assert.deepEqual((await watch()).raised, [])
    const [notice] = living.notices
    assert.match(notice?.detail ?? '', /^3 % of 100 emails/)
    await send(60, 0)
    assert.deepEqual(await watch(), { raised: [], cleared: [] }, 'back below the limit, but not by enough')
    await send(40, 0)
    assert.deepEqual((await watch()).cleared, [`bounce_rate ${scope}`])
    await until(async () => (await states())[0]?.[1] === 'resolved')
    assert.deepEqual(await states(), [['bounce_rate', 'resolved', 'recovered']])
    assert.equal(living.notices.length, 1)
  })

  it('are opened for each tag that is over the limit, and for no address', async () => {
    await send(100, 3, ['receipt', 'to:ada@example.com'])
    await send(900, 0, ['invitation'])
    assert.deepEqual((await watch()).raised, ['bounce_rate tag:receipt'])
  })

  it('are not opened again while they go on after a person has resolved them, but anew once they were over', async () => {
    await send(100, 3)
    await watch()
    await until(async () => (await escalations()).length === 1)
    const [row] = await escalations()
    assert.ok(row)
    const { lives } = living.email()
    const acknowledged = await lives.command(row, 'bounce_rate', { do: 'acknowledge', by: 'grace' })
    assert.equal(acknowledged.acknowledgedBy, 'grace')
    await lives.command(row, 'bounce_rate', { do: 'resolve', by: 'grace' })
    await assert.rejects(lives.command(row, 'bounce_rate', { do: 'acknowledge', by: 'ada' }), CommandRefusedError)
    await watch()
    assert.equal((await escalations()).length, 1)
    await send(900, 0)
    await watch()
    const handle = living.client.workflow.getHandle(incidentWorkflowIdOf({ reason: 'bounce_rate', scope }))
    await until(async () => (await handle.describe()).status.name === 'COMPLETED')
    await send(100, 100)
    await watch()
    await until(async () => (await escalations()).length === 2)
    assert.deepEqual(await states(), [
      ['bounce_rate', 'resolved', 'grace'],
      ['bounce_rate', 'open', null],
    ])
  })

  it('are resolved, and taken care of, although Temporal has lost them', async () => {
    await send(100, 3)
    await watch()
    await until(async () => (await escalations()).length === 1)
    const [row] = await escalations()
    assert.ok(row)
    const handle = () => living.client.workflow.getHandle(incidentWorkflowIdOf({ reason: 'bounce_rate', scope }))
    await handle().terminate()
    const { lives } = living.email()
    assert.equal((await lives.command(row, 'bounce_rate', { do: 'acknowledge', by: 'grace' })).state, 'acknowledged')
    await handle().terminate()
    await send(900, 0)
    await watch()
    assert.deepEqual(await states(), [['bounce_rate', 'resolved', 'recovered']])
  })

  it('are opened for wrong signatures, for a backlog, and for silence while emails wait', async () => {
    await addWebhookCounts(living.db, [{ provider: 'aisend', genuine: 0, refused: 21 }])
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
    await living.db.email.create({
      data: { id: 'waiting', provider: 'aisend', status: 'sent', delivery: 'sent', createdAt: hoursAgo(7) },
    })
    const event = {
      provider: 'aisend',
      eventId: 'e',
      emailId: 'x',
      type: 'sent',
      occurredAt: hoursAgo(1),
      payload: '{}',
    }
    await living.db.event.create({ data: { ...event, receivedAt: hoursAgo(1), leaseUntil: hoursAgo(-1) } })
    const { raised } = await watch()
    assert.deepEqual(raised.toSorted(), ['backlog system', `signature_failures ${scope}`, `silence ${scope}`])
    await until(() => living.notices.length === 3)
    await addWebhookCounts(living.db, [{ provider: 'aisend', genuine: 1, refused: 0 }])
    await living.db.event.updateMany({
      where: { provider: event.provider, eventId: event.eventId },
      data: { appliedAt: new Date() },
    })
    assert.deepEqual((await watch()).cleared.toSorted(), ['backlog system', `silence ${scope}`])
    await until(async () => (await states()).filter(([, state]) => state === 'resolved').length === 2)
  })
})
