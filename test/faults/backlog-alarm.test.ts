import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { callApi, postWebhook } from './calls.ts'
import { FaultProxy } from './fault-proxy.ts'
import { type Started, startInstance } from './in-process.ts'
import { SupportReceiver, supportSecret } from './support-receiver.ts'

interface Listed {
  readonly data: readonly {
    readonly id: string
    readonly reason: string
    readonly state: string
    readonly scope: string | null
  }[]
}

describe('faults: Temporal is down, and events stay pending', function () {
  this.timeout(180_000)
  const database = useDatabase()
  let proxy: FaultProxy
  let receiver: SupportReceiver
  const apis: Started[] = []

  before(async () => {
    receiver = await SupportReceiver.open()
    proxy = await FaultProxy.to(Number((await testTemporal()).split(':')[1]))
    proxy.refuse()
    const servers = { databaseUrl: database.url, temporalAddress: `127.0.0.1:${proxy.port}` }
    const env = {
      ALARM_BACKLOG_AFTER: '2s',
      SUPPORT_WEBHOOK_URL: receiver.url,
      SUPPORT_WEBHOOK_SECRET: supportSecret,
    }
    for (let n = 0; n < 2; n += 1) apis.push(await startInstance(servers, 'api', env))
  })
  after(async () => {
    await Promise.all(apis.map((api) => api.stop()))
    proxy.close()
    receiver.close()
  })

  it('the APIs notify support once, and execute commands on the incident, without Temporal', async () => {
    const [one, other] = apis
    assert.ok(one && other)
    const emailId = `em_${randomUUID()}`
    await postWebhook(one.url, { id: emailId, type: 'email.sent', data: { email_id: emailId } })
    const raised = async () => (await callApi<Listed>(other.url, 'GET', '/escalations?reason=backlog')).data
    await until(async () => (await raised()).length > 0 && receiver.accepted.length > 0, 60_000)
    const [backlog] = await raised()
    assert.ok(backlog)
    assert.deepEqual([backlog.state, backlog.scope], ['open', 'system'])
    const path = `/escalations/${backlog.id}/acknowledge`
    const acknowledged = await callApi<{ state: string }>(other.url, 'POST', path, { by: 'ada' })
    assert.equal(acknowledged.state, 'acknowledged')
    const ready = (await (await fetch(`${one.url}/readyz`)).json()) as { status: string; temporalState: string }
    assert.deepEqual([ready.status, ready.temporalState], ['ready', 'away'])
    assert.equal((await raised()).length, 1)
    assert.equal(new Set(receiver.accepted).size, receiver.accepted.length, 'each notice once')
    assert.deepEqual(receiver.accepted, [`${backlog.id}.1`])
  })
})
