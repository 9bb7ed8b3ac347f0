import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { insertEvents } from '../../src/db/events.ts'
import type { Priority } from '../../src/domain/events.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { workflowIdOf } from '../../src/temporal/email-workflows.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import { startInstance } from '../inbox/instance.ts'
import { receivedEvent } from '../received-event.ts'
import { testTemporal, useDatabase } from '../stack.ts'
import { until } from '../until.ts'

const hourMs = 3_600_000
const policy = {
  stallAfterMs: { critical: hourMs, normal: hourMs, bulk: hourMs },
  escalationRepeatAfterMs: hourMs,
  giveUpAfterMs: hourMs,
}

describe('the workflow of an email', () => {
  const database = useDatabase()
  let client: Client
  before(async () => {
    client = createTemporalClient({ address: await testTemporal(), namespace: 'default', security: {} })
  })
  after(() => client.connection.close())

  for (const [priority, priorityKey] of Object.entries({ critical: 1, normal: 3, bulk: 5 })) {
    it(`that is ${priority} is started with priority ${priorityKey}, and takes turns by its provider's account`, async () => {
      const email = { provider: 'aisend', emailId: randomUUID() }
      await database.db.email.create({ data: { id: email.emailId, provider: email.provider, priority } })
      // The instance claims it from the database, as after an outage.
      await insertEvents(database.db, [receivedEvent({ ...email, id: email.emailId, account: 'eu' })], () => false)
      const emailWorkflows = createTemporalEmailWorkflows({ client, taskQueue: 'priorities', policy })
      const instance = startInstance(database.url, emailWorkflows)
      await until(() => instance.signalled.includes(email.emailId))
      const { raw } = await client.workflow.getHandle(workflowIdOf(email)).describe()
      const { priorityKey: key, fairnessKey } = raw.workflowExecutionInfo?.priority ?? {}
      assert.deepEqual([key, fairnessKey], [priorityKey, 'aisend/eu'])
      assert.equal(await priorityShown(email), priority)
      await instance.close()
    })
  }

  async function priorityShown(email: { provider: string; emailId: string }): Promise<Priority | undefined> {
    const { typedSearchAttributes } = await client.workflow.getHandle(workflowIdOf(email)).describe()
    return typedSearchAttributes.getAll().find(({ key }) => key.name === 'EmailPriority')?.value as Priority | undefined
  }
})
