import assert from 'node:assert/strict'
import { recordMailboxFailure, recordMails } from '../../src/db/mailboxes.ts'
import { addWebhookCounts } from '../../src/db/webhook-minutes.ts'
import { commandSystemIncident } from '../../src/incidents/command.ts'
import { watchSystem } from '../../src/incidents/watch.ts'
import { CommandRefusedError } from '../../src/temporal/email-workflows.ts'
import { createTemporalIncidents, incidentWorkflowIdOf } from '../../src/temporal/incidents.ts'
import { flowing } from '../../src/temporal/temporal-status.ts'
import { incidentOf } from '../incidents/incident-of.ts'
import { quietLog } from '../quiet.ts'
import { until } from '../until.ts'
import { EmailRig, slowPolicy } from './email-rig.ts'

const scope = 'provider:aisend'
describe('incidents', () => {
  let rig: EmailRig
  beforeEach(async () => {
    rig = await EmailRig.start()
  })
  afterEach(async () => {
    await rig.terminateIncidents()
    await rig.stop()
  })

  const watch = () => rig.watchForIncidents()
  const escalations = () => rig.db.escalation.findMany({ orderBy: { openedAt: 'asc' } })
  /** In SQL: Prisma takes a second of CPU for a thousand rows. */
  const send = (count: number, bounced: number, tags: string[] = []) =>
    rig.db.$executeRaw`
      INSERT INTO emails (id, provider, tags, delivery, status, bounce_class, settled_received_at)
      SELECT 'em_' || gen_random_uuid(), 'aisend', ${tags}, outcome, outcome, CASE outcome WHEN 'bounced' THEN 'hard' END, now()
      FROM generate_series(1, ${count}::int) AS n, LATERAL (SELECT CASE WHEN n <= ${bounced}::int THEN 'bounced' ELSE 'delivered' END) AS of (outcome)`
  const states = async () => (await escalations()).map(({ reason, state, resolvedBy }) => [reason, state, resolvedBy])

  it('send one notice while a rate is too high, and end when it is back', async () => {
    await send(100, 3)
    assert.deepEqual(await watch(), { raised: [`bounce_rate ${scope}`], cleared: [] })
    await until(() => rig.notices.length === 1)
    assert.deepEqual((await watch()).raised, [])
    const [notice] = rig.notices
    assert.match(notice?.detail ?? '', /^3 % of 100 emails/)
    await send(60, 0)
    assert.deepEqual(await watch(), { raised: [], cleared: [] }, 'below the limit, but not by enough')
    await send(40, 0)
    assert.deepEqual((await watch()).cleared, [`bounce_rate ${scope}`])
    await until(async () => (await states())[0]?.[1] === 'resolved')
    assert.deepEqual(await states(), [['bounce_rate', 'resolved', 'recovered']])
    assert.equal(rig.notices.length, 1)
  })

  it('are opened for each tag that is over the limit, and for no address', async () => {
    await send(100, 3, ['receipt', 'to:ada@example.com'])
    await send(900, 0, ['invitation'])
    assert.deepEqual((await watch()).raised, ['bounce_rate tag:receipt'])
  })

  it('are not opened again when a person has resolved them while they last, but again after they ended', async () => {
    await send(100, 3)
    await watch()
    await until(async () => (await escalations()).length === 1)
    const [row] = await escalations()
    assert.ok(row)
    const { emailWorkflows } = rig.email()
    const acknowledged = await emailWorkflows.command(incidentOf(row), 'bounce_rate', {
      do: 'acknowledge',
      by: 'grace',
    })
    assert.equal(acknowledged.acknowledgedBy, 'grace')
    await emailWorkflows.command(incidentOf(row), 'bounce_rate', { do: 'resolve', by: 'grace' })
    await assert.rejects(
      emailWorkflows.command(incidentOf(row), 'bounce_rate', { do: 'acknowledge', by: 'ada' }),
      CommandRefusedError,
    )
    await watch()
    assert.equal((await escalations()).length, 1)
    await send(900, 0)
    await watch()
    const handle = rig.client.workflow.getHandle(incidentWorkflowIdOf({ reason: 'bounce_rate', scope }))
    await until(async () => (await handle.describe()).status.name === 'COMPLETED')
    await send(100, 100)
    await watch()
    await until(async () => (await escalations()).length === 2)
    assert.deepEqual(await states(), [
      ['bounce_rate', 'resolved', 'grace'],
      ['bounce_rate', 'open', null],
    ])
  })

  it('are opened again although a notice of the last episode is undelivered', async () => {
    rig.channelError = new Error('connection refused')
    await send(100, 3)
    await watch()
    await until(async () => (await escalations()).length === 1)
    await send(900, 0)
    await watch()
    await until(async () => (await states())[0]?.[1] === 'resolved')
    await send(100, 100)
    await watch()
    await until(async () => (await escalations()).length === 2)
    const [before, now] = await escalations()
    assert.ok(before && now)
    const { emailWorkflows } = rig.email()
    await assert.rejects(
      emailWorkflows.command(incidentOf(before), 'bounce_rate', { do: 'resolve', by: 'ada' }),
      CommandRefusedError,
    )
    assert.deepEqual(await states(), [
      ['bounce_rate', 'resolved', 'recovered'],
      ['bounce_rate', 'open', null],
    ])
    rig.channelError = null
    // The next attempt may be half a minute away on a slow machine.
    await until(() => rig.notices.length === 2, 60_000)
    assert.deepEqual(new Set(rig.notices.map(({ escalationId }) => escalationId)), new Set([before.id, now.id]))
    assert.equal(
      (await emailWorkflows.command(incidentOf(now), 'bounce_rate', { do: 'acknowledge', by: 'ada' })).acknowledgedBy,
      'ada',
    )
    await send(9_000, 0)
    await watch()
    const handle = rig.client.workflow.getHandle(incidentWorkflowIdOf({ reason: 'bounce_rate', scope }))
    await until(async () => (await handle.describe()).status.name === 'COMPLETED')
  })

  it('that Temporal has lost continue, and their notices are sent', async () => {
    rig.channelError = new Error('connection refused')
    await send(100, 3)
    await watch()
    await until(async () => (await escalations()).length === 1)
    const handle = rig.client.workflow.getHandle(incidentWorkflowIdOf({ reason: 'bounce_rate', scope }))
    await handle.terminate()
    const before = new Date(Date.now() - 6 * 60_000)
    await rig.db.escalation.updateMany({ data: { noticedAt: before } })
    await watch()
    // Not before: a late attempt of the lost run would send the notice.
    rig.channelError = null
    await until(async () => (await rig.db.notification.count()) === 1)
    await handle.terminate()
    await rig.db.escalation.updateMany({ data: { nextNoticeAt: before } })
    await watch()
    await until(() => rig.notices.length === 2)
    assert.deepEqual(
      rig.notices.map(({ notice }) => notice),
      [1, 2],
    )
    await watch()
    await send(900, 0)
    await watch()
    await until(async () => (await states())[0]?.[1] === 'resolved')
  })

  it('are raised for a tag of any letters', async () => {
    for (const tag of ['漢'.repeat(120), '"'.repeat(250), '😀'.repeat(60)]) {
      const incident = { reason: 'bounce_rate', scope: `tag:${tag}` } as const
      const incidents = createTemporalIncidents({ client: rig.client, taskQueue: rig.taskQueue, policy: slowPolicy })
      await incidents.raise(incident, new Date().toISOString(), 'Too many bounce.')
      await until(async () => (await escalations()).some(({ emailId }) => emailId.includes(tag)))
    }
  })

  it('can be acknowledged, and are resolved, although Temporal has lost them', async () => {
    await send(100, 3)
    await watch()
    await until(async () => (await escalations()).length === 1)
    const [row] = await escalations()
    assert.ok(row)
    const handle = () => rig.client.workflow.getHandle(incidentWorkflowIdOf({ reason: 'bounce_rate', scope }))
    await handle().terminate()
    const { emailWorkflows } = rig.email()
    assert.equal(
      (await emailWorkflows.command(incidentOf(row), 'bounce_rate', { do: 'acknowledge', by: 'grace' })).state,
      'acknowledged',
    )
    await handle().terminate()
    await send(900, 0)
    await watch()
    assert.deepEqual(await states(), [['bounce_rate', 'resolved', 'recovered']])
  })

  it('are opened for wrong signatures, and for silence while deliveries are pending', async () => {
    await addWebhookCounts(rig.db, [{ provider: 'aisend', genuine: 0, refused: 21 }])
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
    await rig.db.email.create({
      data: { id: 'waiting', provider: 'aisend', status: 'sent', delivery: 'sent', createdAt: hoursAgo(7) },
    })
    // Of bounce mail, silence says that nothing has failed.
    await rig.db.email.create({
      data: { id: 'waiting', provider: 'mail', status: 'sent', delivery: 'sent', createdAt: hoursAgo(7) },
    })
    const { raised } = await watch()
    assert.deepEqual(raised.toSorted(), [`signature_failures ${scope}`, `silence ${scope}`])
    await until(() => rig.notices.length === 2)
    await addWebhookCounts(rig.db, [{ provider: 'aisend', genuine: 1, refused: 0 }])
    assert.deepEqual((await watch()).cleared, [`silence ${scope}`])
    await until(async () => (await states()).filter(([, state]) => state === 'resolved').length === 1)
  })

  it('are opened for a mailbox that refuses, and end when it is read', async () => {
    const mailbox = { name: 'default', project: 'default' }
    await recordMailboxFailure(rig.db, { ...mailbox, failure: 'imap.example.com:993 refuses', isRefused: true })
    assert.deepEqual((await watch()).raised, ['mailbox_unread mailbox:default'])
    await until(() => rig.notices.some(({ detail }) => detail.includes('imap.example.com:993 refuses')))
    await recordMails(rig.db, { ...mailbox, folderId: 'f/1', lastUid: 1, mails: 1, skipped: 0 })
    assert.deepEqual((await watch()).cleared, ['mailbox_unread mailbox:default'])
  })

  it('of a backlog that a workflow of release 0.3 started continue without it: it is terminated, and the API acknowledges and resolves', async () => {
    const backlog = { reason: 'backlog', scope: 'system' } as const
    const { client, taskQueue, db } = rig
    const incidents = createTemporalIncidents({ client, taskQueue, policy: slowPolicy })
    await incidents.raise(backlog, new Date().toISOString(), 'The oldest event has waited for 11 minutes.')
    await until(async () => (await escalations()).length === 1)
    assert.deepEqual(await watch(), { raised: [], cleared: [] })
    const { status } = await client.workflow.getHandle(incidentWorkflowIdOf(backlog)).describe()
    assert.deepEqual([status.name, await states()], ['TERMINATED', [['backlog', 'open', null]]])
    const [row] = await escalations()
    assert.ok(row)
    const acknowledged = await commandSystemIncident(
      db,
      incidentOf(row),
      'backlog',
      { do: 'acknowledge', by: 'ada' },
      Date.now(),
    )
    assert.equal(acknowledged.state, 'acknowledged')
    const options = { db, channels: [], policy: slowPolicy, alarms: { backlogAfterMs: 600_000 }, log: quietLog }
    const system = watchSystem({ ...options, temporalStatus: () => flowing, timing: { quietMs: 0, everyMs: 50 } })
    await until(async () => (await states())[0]?.[1] === 'resolved')
    await system.close()
    assert.deepEqual(await states(), [['backlog', 'resolved', 'recovered']])
  })
})
