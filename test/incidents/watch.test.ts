import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { LifecyclePolicy } from '../../src/domain/stall-policy.ts'
import { commandSystemIncident } from '../../src/incidents/command.ts'
import { type SystemWatch, type SystemWatchOptions, watchSystem } from '../../src/incidents/watch.ts'
import { NoticeRefusedError, type SupportChannel, type SupportNotice } from '../../src/notifications/channel.ts'
import type { TemporalStatus } from '../../src/temporal/temporal-status.ts'
import { EmailWorkflowsInMemory, serve } from '../api/served.ts'
import { apply, store } from '../db/stored.ts'
import { quietLog } from '../quiet.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { incidentOf } from './incident-of.ts'

const minute = 60_000
const policy: LifecyclePolicy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 30 * minute,
  lingerAfterSettledMs: 1,
  giveUpAfterMs: 1,
}
const refused: TemporalStatus = { state: 'refused', since: 1, detail: 'PERMISSION_DENIED' }
const flowing: TemporalStatus = { state: 'flowing', since: 1, detail: null }

describe('the watch for incidents of the system, without Temporal', () => {
  let database: TestDatabase
  let watches: SystemWatch[]
  let notices: SupportNotice[]
  let channelError: Error | null
  const channel: SupportChannel = {
    name: 'webhook',
    async send(notice) {
      if (channelError) throw channelError
      notices.push(notice)
    },
  }

  beforeEach(async () => {
    database = await testDatabase()
    watches = []
    notices = []
    channelError = null
  })
  afterEach(async () => {
    await Promise.all(watches.map((watch) => watch.close()))
    await database.drop()
  })

  /** Checks only when the test calls it, and ends incidents without delay. */
  function watch(more: Partial<SystemWatchOptions> = {}): SystemWatch {
    const started = watchSystem({
      db: database.db,
      channels: [channel],
      policy,
      alarms: { backlogAfterMs: 10 * minute },
      temporalStatus: () => flowing,
      log: quietLog,
      ...more,
      timing: { everyMs: 3_600_000, quietMs: 0, countEveryMs: 0, ...more.timing },
    })
    watches.push(started)
    return started
  }

  const oldEvent = async (id: string = randomUUID()) => {
    await store(database.db, { id, receivedAt: Date.now() - 11 * minute })
    return id
  }
  const escalations = () => database.db.escalation.findMany({ orderBy: { openedAt: 'asc' } })
  const states = async () => (await escalations()).map(({ reason, state, resolvedBy }) => [reason, state, resolvedBy])

  it('opens one incident for a backlog and sends one notice, however many instances check at once', async () => {
    await oldEvent()
    const instances = Array.from({ length: 4 }, () => watch())
    await Promise.all(instances.map((it) => it.check()))
    await Promise.all(instances.map((it) => it.check()))
    assert.deepEqual(await states(), [['backlog', 'open', null]])
    await until(() => notices.length > 0)
    await Promise.all(instances.map((it) => it.check()))
    assert.deepEqual(
      notices.map(({ reason, emailId, notice }) => [reason, emailId.split('@')[0], notice]),
      [['backlog', 'system', 1]],
    )
    assert.match(notices[0]?.detail ?? '', /waited for 11 minutes/)
  })

  it('resolves an incident when its cause ends, and opens another when it returns', async () => {
    const id = await oldEvent()
    const it = watch()
    await it.check()
    await apply(database.db, id)
    await until(async () => {
      await it.check()
      return (await states())[0]?.[1] === 'resolved'
    })
    await oldEvent()
    await it.check()
    assert.deepEqual(await states(), [
      ['backlog', 'resolved', 'recovered'],
      ['backlog', 'open', null],
    ])
  })

  it('shows a person’s command and the end of an incident where a message follows it, once', async () => {
    const shown: string[] = []
    const oncall: SupportChannel = {
      name: 'oncall',
      async send() {},
      async showState({ state }) {
        shown.push(state)
        return null
      },
    }
    const id = await oldEvent()
    const instances = [watch({ channels: [channel, oncall] }), watch({ channels: [channel, oncall] })]
    const checkAll = () => Promise.all(instances.map((it) => it.check()))
    await checkAll()
    const [escalation] = await escalations()
    const by = { state: 'acknowledged', acknowledgedBy: 'ada', acknowledgedAt: new Date(), nextNoticeAt: null }
    await database.db.escalation.update({
      where: { id: escalation?.id ?? '' },
      data: { ...by, version: { increment: 1 } },
    })
    await until(async () => {
      await checkAll()
      return shown.length > 0
    })
    await apply(database.db, id)
    await until(async () => {
      await checkAll()
      return shown.length > 1
    })
    await checkAll()
    assert.deepEqual(shown, ['acknowledged', 'resolved'])
  })

  it('does not end an incident whose cause another instance still sees', async () => {
    const seeing = watch({ temporalStatus: () => refused, timing: { quietMs: minute } })
    const idle = watch({ timing: { quietMs: minute } })
    await seeing.check()
    await idle.check()
    await seeing.check()
    assert.deepEqual(await states(), [['temporal_refused', 'open', null]])
    await until(() => notices.length > 0)
    assert.match(notices[0]?.detail ?? '', /PERMISSION_DENIED/)
    await idle.check()
    await database.db.$executeRaw`UPDATE system_incidents SET seen_at = seen_at - interval '1 minute'`
    await idle.check()
    assert.deepEqual(await states(), [['temporal_refused', 'resolved', 'recovered']])
  })

  it('does not open it again while the cause continues after a person has resolved it', async () => {
    await oldEvent()
    const it = watch()
    await it.check()
    const [row] = await escalations()
    assert.ok(row)
    await commandSystemIncident(database.db, incidentOf(row), 'backlog', { do: 'resolve', by: 'ada' }, Date.now())
    await it.check()
    assert.deepEqual(await states(), [['backlog', 'resolved', 'ada']])
  })

  it('repeats a notice from one instance until it is acknowledged', async () => {
    await oldEvent()
    const instances = [watch(), watch()]
    await Promise.all(instances.map((it) => it.check()))
    await until(() => notices.length === 1)
    const due = () =>
      database.db.$executeRaw`UPDATE escalations SET next_notice_at = now() WHERE next_notice_at IS NOT NULL`
    await due()
    await Promise.all(instances.map((it) => it.check()))
    await until(() => notices.length === 2)
    const [row] = await escalations()
    assert.ok(row)
    await commandSystemIncident(database.db, incidentOf(row), 'backlog', { do: 'acknowledge', by: 'ada' }, Date.now())
    await due()
    await Promise.all(instances.map((it) => it.check()))
    assert.deepEqual(
      notices.map(({ notice }) => notice),
      [1, 2],
    )
  })

  it('retries a notice after a failure of the channel, but not after a refusal', async () => {
    channelError = new Error('down')
    await oldEvent()
    const it = watch()
    await it.check()
    channelError = null
    await until(async () => {
      await it.check()
      return notices.length === 1
    })
    await database.db.$executeRaw`UPDATE escalations SET next_notice_at = now()`
    channelError = new NoticeRefusedError('no')
    await it.check()
    channelError = null
    await it.check()
    assert.equal(notices.length, 1)
  })

  it('retries a notice only on the channel that failed', async () => {
    const accepted: string[] = []
    const second: SupportChannel = { name: 'email', send: async ({ id }) => void accepted.push(id) }
    channelError = new Error('away')
    await oldEvent()
    const it = watch({ channels: [channel, second] })
    await it.check()
    // The watch's own first check may be the one that sends.
    await until(() => accepted.length === 1)
    assert.equal(notices.length, 0)
    channelError = null
    await until(async () => {
      await it.check()
      return notices.length === 1
    })
    assert.equal(accepted.length, 1)
  })

  it('counts failing workflows once per interval for all instances, and changes nothing when Temporal does not report them', async () => {
    let counts = 0
    let answer: number | null = 2
    const countFailingWorkflows = async () => {
      counts += 1
      return answer
    }
    const timing = { countEveryMs: minute, quietMs: minute }
    const instances = [watch({ countFailingWorkflows, timing }), watch({ countFailingWorkflows, timing })]
    await Promise.all(instances.map((it) => it.check()))
    assert.equal(counts, 1)
    // A watch's own first check may be the one that counts.
    await until(async () => (await states()).length > 0)
    assert.deepEqual(await states(), [['workflow_tasks_failing', 'open', null]])
    const checkAgain = async (next: number | null, quietMs: number) => {
      answer = next
      await database.db.$executeRaw`UPDATE system_incidents SET measured_at = NULL`
      await watch({ countFailingWorkflows, timing: { countEveryMs: minute, quietMs } }).check()
    }
    await database.db.$executeRaw`UPDATE system_incidents SET seen_at = seen_at - interval '50 seconds'`
    await checkAgain(null, minute)
    await database.db.$executeRaw`UPDATE system_incidents SET seen_at = seen_at - interval '50 seconds'`
    await checkAgain(null, minute)
    assert.equal((await states())[0]?.[1], 'open', 'confirmed although Temporal did not report')
    await until(async () => {
      await checkAgain(0, 0)
      return (await states())[0]?.[1] === 'resolved'
    })
  })

  it('acknowledges, snoozes and resolves incidents through the API while Temporal does not answer', async () => {
    await oldEvent()
    await watch().check()
    const [row] = await escalations()
    const served = await serve({ db: database.db })
    served.emailWorkflows.reachable = false
    const act = async (command: string, by = 'ada') => {
      const response = await served.call('POST', `/v1/escalations/${row?.id}/${command}`, { by })
      return [response.status, ((await response.json()) as { state?: string }).state]
    }
    assert.deepEqual(await act('acknowledge'), [200, 'acknowledged'])
    assert.deepEqual(await act('snooze'), [200, 'snoozed'])
    assert.deepEqual(await act('resolve'), [200, 'resolved'])
    assert.equal((await act('resolve', 'grace'))[0], 409)
    assert.deepEqual(served.emailWorkflows.commands, [])
    assert.ok(served.emailWorkflows instanceof EmailWorkflowsInMemory)
    await served.stop()
  })

  it('executes one of several concurrent commands, and refuses the others', async () => {
    await oldEvent()
    await watch().check()
    const [row] = await escalations()
    assert.ok(row)
    const outcomes = await Promise.allSettled(
      ['ada', 'grace', 'mary'].map((by) =>
        commandSystemIncident(database.db, incidentOf(row), 'backlog', { do: 'resolve', by }, Date.now()),
      ),
    )
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  })
})
