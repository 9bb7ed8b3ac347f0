import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Client } from '@temporalio/client'
import { type NativeConnection, Worker } from '@temporalio/worker'
import { createMailboxActivities } from '../../src/activities/create-mailbox-activities.ts'
import type { WorkerActivities } from '../../src/activities/worker-activities.ts'
import { listMailboxes } from '../../src/db/mailboxes.ts'
import type { MailboxSettings } from '../../src/mail-settings.ts'
import { createMailboxOpener } from '../../src/mailboxes/mailbox.ts'
import { connectWorker, createTemporalClient } from '../../src/temporal/connection.ts'
import { createLifecycleWorker } from '../../src/temporal/worker.ts'
import { workflowCode } from '../../src/temporal/workflow-code.ts'
import { quietTemporalRuntime } from '../quiet.ts'
import { testTemporal, useDatabase } from '../stack.ts'
import { ImapStandIn } from '../stand-ins/imap.ts'
import { until } from '../until.ts'

describe('the workflow of a mailbox', () => {
  const { db } = useDatabase('mailboxes')
  const taskQueue = `mailboxes-${randomUUID()}`
  /** Part of the workflow's ID, which other tests on the server may use too. */
  const name = randomUUID()
  const reports = new Set<string>()
  let server: ImapStandIn
  let configured: MailboxSettings[]
  let client: Client
  let connection: NativeConnection

  before(async () => {
    quietTemporalRuntime()
    const target = { address: await testTemporal(), namespace: 'default', security: {} }
    client = createTemporalClient(target)
    connection = await connectWorker(target)
    server = new ImapStandIn()
    configured = [
      {
        ...{
          name,
          project: 'default',
          account: null,
          everyMs: 50,
          isSecure: false,
          folder: 'INBOX',
          after: { do: 'keep' },
        },
        ...{ host: '127.0.0.1', port: await server.listen(), user: server.user, login: server.login },
      },
    ]
  })
  after(async () => {
    await server.close()
    await connection.close()
    await client.connection.close()
  })

  async function startWorker(): Promise<() => Promise<void>> {
    const activities = createMailboxActivities({
      ...{ db, openMailbox: createMailboxOpener(Date.now), clock: Date.now, mailboxes: configured },
      async receiveMail({ raw }) {
        const isNew = !reports.has(raw.toString())
        reports.add(raw.toString())
        return { received: isNew ? 1 : 0, duplicates: isNew ? 0 : 1, reports: 0 }
      },
    })
    const worker = await createLifecycleWorker({
      ...{ connection, namespace: 'default', taskQueue },
      activities: activities as unknown as WorkerActivities,
    })
    const running = worker.run()
    return async () => {
      worker.shutdown()
      await running
    }
  }

  const serve = () =>
    client.workflow.execute('serveMailboxes', { workflowId: `serve-${randomUUID()}`, taskQueue, args: [] })
  const fill = (from: number, to: number) => {
    for (let number = from; number <= to; number++) server.inbox.add(`Subject: ${number}\r\n\r\nada@example.com\r\n`)
  }

  it('reads on, over a restart of its worker and a server that breaks off, and ends when it is no longer configured', async () => {
    let stop = await startWorker()
    fill(1, 60)
    server.before = (command) => {
      if (!command.startsWith('UID FETCH 55 ')) return null
      server.before = () => null
      throw new Error('breaks off')
    }
    assert.deepEqual(await serve(), { started: [name] })
    assert.deepEqual(await serve(), { started: [] }, 'it is running')
    await until(() => reports.size === 60)
    await stop()
    fill(61, 70)
    stop = await startWorker()
    await until(() => reports.size === 70)
    await until(async () => (await listMailboxes(db))[0]?.lastUid === 70n)
    const [first] = configured
    configured.length = 0
    await client.workflow.getHandle(`mail/${name}`).result()
    if (first) configured.push(first)
    await stop()

    const history = await client.workflow.getHandle(`mail/${name}`).fetchHistory()
    const payloads = (history.events ?? []).flatMap((event) => [
      ...(event.activityTaskScheduledEventAttributes?.input?.payloads ?? []),
      ...(event.activityTaskCompletedEventAttributes?.result?.payloads ?? []),
    ])
    const text = payloads.map(({ data }) => Buffer.from(data ?? []).toString()).join('\n')
    assert.match(text, /"mails":/)
    assert.doesNotMatch(text, /ada@example|Subject|bounces@|password|127\.0/)
    await Worker.runReplayHistory(await workflowCode(null), history)
  })
})
