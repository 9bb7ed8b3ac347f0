import assert from 'node:assert/strict'
import type { Client } from '@temporalio/client'
import type { EmbeddedTemporal } from '../../src/embedded/temporal.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { workflowIdOf } from '../../src/temporal/email-workflows.ts'
import { isAllApplied } from '../inbox/instance.ts'
import { ownTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { callApi, postUntilStored } from './calls.ts'
import { inForm } from './form.ts'
import { type Started, startInstance } from './in-process.ts'
import { SupportReceiver, supportSecret } from './support-receiver.ts'

const repeats = inForm({ short: 100, long: 1_000 })

describe('faults: repeats and disorder over three APIs', function () {
  this.timeout(120_000)
  const database = useDatabase()
  let temporal: EmbeddedTemporal
  let client: Client
  let receiver: SupportReceiver
  let systems: Started[]

  const startAll = async () => {
    const servers = { databaseUrl: database.url, temporalAddress: temporal.address }
    const env = {
      ...{ SUPPORT_WEBHOOK_URL: receiver.url, SUPPORT_WEBHOOK_SECRET: supportSecret },
      LINGER_AFTER_SETTLED: '1s',
    }
    systems = await Promise.all((['all', 'api', 'api'] as const).map((role) => startInstance(servers, role, env)))
  }
  const stopAll = () => Promise.all(systems.map((system) => system.stop()))

  before(async () => {
    temporal = await ownTemporal({ dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '60' } })
    client = createTemporalClient({ address: temporal.address, namespace: 'default', security: {} })
    receiver = await SupportReceiver.open()
    await startAll()
  })
  after(async () => {
    await stopAll()
    receiver.close()
    await client.connection.close()
    await temporal.stop()
  })

  const urlOf = (n: number): string => systems[n % systems.length]?.url ?? ''

  /** Posts an event to all APIs at once, many times. @returns how often it was confirmed as new: an event whose 200 was lost, never. */
  const postAtOnce = async (event: object): Promise<number> => {
    const received = await Promise.all(Array.from({ length: repeats }, (_, n) => postUntilStored(urlOf(n), event)))
    return received.reduce((sum, count) => sum + count, 0)
  }

  it('one event, many times at once, and again after continue-as-new, completion and a restart: one row, one effect, one notice', async () => {
    const { db } = database
    const email = { provider: 'aisend', emailId: 'em_repeated' }
    const bounced = {
      id: 'evt_repeated',
      type: 'email.bounced',
      data: { email_id: email.emailId, to: ['ada@example.com'], bounce: { type: 'hard', code: '5.1.1' } },
    }
    const handle = client.workflow.getHandle(workflowIdOf(email))
    const isClosed = async () => (await handle.describe()).status.name === 'COMPLETED'
    await callApi(urlOf(0), 'POST', '/emails', { id: email.emailId, to: 'ada@example.com', priority: 'critical' })

    const received = [await postAtOnce(bounced)]
    await until(() => receiver.accepted.length > 0)
    const { runId: firstRunId } = await handle.describe()
    const isContinued = async () => (await handle.describe()).runId !== firstRunId
    // Opens and clicks of a settled email would not reach its workflow.
    for (let steps = 0; !(await isContinued()); steps += 1) {
      await postUntilStored(urlOf(steps), {
        id: `step ${steps}`,
        type: 'email.sending',
        data: { email_id: email.emailId },
      })
      await until(() => isAllApplied(db))
    }
    received.push(await postAtOnce(bounced))

    const { escalations } = await callApi<{ escalations: { id: string }[] }>(
      urlOf(1),
      'GET',
      `/emails/${email.emailId}`,
    )
    await callApi(urlOf(2), 'POST', `/escalations/${escalations[0]?.id}/resolve`, {})
    await until(isClosed)
    received.push(await postAtOnce(bounced))

    await stopAll()
    await startAll()
    received.push(await postAtOnce(bounced))
    await until(async () => (await isAllApplied(db)) && (await isClosed()))

    const [first = 0, ...later] = received
    assert.ok(first <= 1)
    assert.deepEqual(later, [0, 0, 0])
    assert.equal(await db.event.count({ where: { eventId: bounced.id } }), 1)
    assert.equal(await db.suppression.count(), 1)
    assert.deepEqual([escalations.length, await db.notification.count(), receiver.accepted.length], [1, 2, 1])
    console.log(`      ${4 * repeats} posts of one event: 1 row, 1 suppression, 1 notice on each channel`)
  })

  it('all 24 orders of four events, each repeated: one final state', async () => {
    const types = ['queued', 'sent', 'delivered', 'opened'] as const
    const orders = permutationsOf(types)
    const startsAt = Date.now() - 60_000
    await Promise.all(
      orders.map(async (order, n) => {
        for (const [turn, type] of order.entries()) {
          const created_at = new Date(startsAt + 1_000 * types.indexOf(type)).toISOString()
          const data = { email_id: `em_order_${n}`, to: ['ada@example.com'] }
          const event = { id: `${n}/${type}`, type: `email.${type}`, created_at, data }
          await Promise.all([0, 1, 2].map((api) => postUntilStored(urlOf(n + turn + api), event)))
        }
      }),
    )
    await until(() => isAllApplied(database.db))
    const states: string[] = []
    // One after the other: a busy machine answers some of 24 at once with 503.
    for (const n of orders.keys()) {
      const email = await callApi<Record<string, unknown>>(urlOf(n), 'GET', `/emails/em_order_${n}`)
      const { status, delivery, opens, clicks, queuedAt, sentAt, deliveredAt, deliveryTimeMs } = email
      states.push(JSON.stringify({ status, delivery, opens, clicks, queuedAt, sentAt, deliveredAt, deliveryTimeMs }))
    }
    assert.equal(states.length, 24)
    assert.equal(new Set(states).size, 1, states.join('\n'))
    assert.match(states[0] ?? '', /"status":"opened","delivery":"delivered","opens":{"total":1/)
    assert.equal(await database.db.event.count({ where: { emailId: { startsWith: 'em_order_' } } }), 96)
  })
})

function permutationsOf<T>(values: readonly T[]): T[][] {
  if (values.length === 0) return [[]]
  return values.flatMap((first, n) => permutationsOf(values.toSpliced(n, 1)).map((rest) => [first, ...rest]))
}
