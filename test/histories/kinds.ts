/** One workflow for each path through the workflow code. Their recorded histories test that the code stays deterministic. */

import { randomUUID } from 'node:crypto'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import { store } from '../db/stored.ts'
import { until } from '../until.ts'
import { type EmailRig, mailboxRead, type RigEmail, stallAfter } from '../workflows/email-rig.ts'
import { IncidentRuns } from './incident-runs.ts'

/** The recorded workflow: every run of it. */
type Recorded = Pick<RigEmail, 'runs' | 'handle'>

/** Runs a workflow to its end, or to a state worth recording. */
type Kind = (rig: EmailRig) => Promise<Recorded>

/** Names are those of the recorded files. */
export const kinds: Record<string, Kind> = {
  async delivered(rig) {
    const email = rig.email({ lingerAfterSettledMs: 300 })
    await email.register()
    for (const type of ['queued', 'sending', 'sent', 'delivered']) await email.apply(email.event(type))
    await email.apply(email.event('opened', { human: true }))
    await email.closed()
    return email
  },

  async reopened(rig) {
    const email = rig.email({ lingerAfterSettledMs: 200 })
    await email.apply(email.event('sent'), email.event('delivered'))
    await email.closed()
    await email.apply(email.event('complained'))
    await until(async () => (await email.runs()).length === 2)
    await email.closed()
    return email
  },

  async 'critical-bounce'(rig) {
    const email = rig.email({ escalationRepeatAfterMs: 300 })
    await email.register('critical')
    await email.apply(email.event('sent'), email.hardBounce())
    await email.escalated('critical_bounce', 'open')
    await until(() => email.notices().length === 2)
    await email.emailWorkflows.command(email, 'critical_bounce', { do: 'resolve', by: 'ada' })
    return email
  },

  async 'stalled-and-delivered'(rig) {
    const email = rig.email({ ...stallAfter(200), escalationRepeatAfterMs: 200, lingerAfterSettledMs: 300 })
    await email.register()
    await until(() => email.notices().length === 2)
    await email.emailWorkflows.command(email, 'stalled', { do: 'snooze', by: 'ada', until: Date.now() + 300 })
    await until(() => email.notices().length === 3)
    await email.emailWorkflows.command(email, 'stalled', { do: 'acknowledge', by: 'ada' })
    await email.apply(email.event('delivered'))
    await email.closed()
    return email
  },

  async 'webhook-lost'(rig) {
    const email = rig.email({ ...stallAfter(200), lingerAfterSettledMs: 300 })
    rig.answers.set(email.emailId, [email.event('delivered')])
    await email.register()
    await email.closed()
    return email
  },

  async 'given-up-and-resolved'(rig) {
    const email = rig.email({ ...stallAfter(100), escalationRepeatAfterMs: 100, giveUpAfterMs: 600 })
    await email.register()
    await email.closed()
    await email.emailWorkflows.command(email, 'stalled', { do: 'resolve', by: 'ada' })
    await email.closed()
    return email
  },

  async 'soft-bounces'(rig) {
    const email = rig.email({ lingerAfterSettledMs: 300 })
    for (const days of [4, 2, 0]) {
      const occurredAt = Date.now() - days * 24 * 3_600_000
      const bounce = { class: 'soft' as const, code: '4.2.2', message: null }
      await email.apply(email.event('bounced', { occurredAt, bounce }))
    }
    await email.closed()
    return email
  },

  async 'bounced-and-complained'(rig) {
    const email = rig.email({ lingerAfterSettledMs: 300 })
    await email.apply(email.event('sent'), email.hardBounce(), email.event('complained'))
    await email.closed()
    return email
  },

  async 'delivered-within-moments'(rig) {
    const email = rig.email({ lingerAfterSettledMs: 300 })
    for (const type of ['queued', 'sending', 'sent', 'delivered']) await email.apply(email.event(type))
    await email.closed()
    return email
  },

  async 'rests-on-its-way'(rig) {
    const email = rig.email({ ...stallAfter(1_000), lingerAfterSettledMs: 500 })
    for (const type of ['queued', 'sent']) await email.apply(email.event(type))
    await email.escalated('stalled', 'open')
    await email.apply(email.event('delivered'))
    await email.closed()
    return email
  },

  async woken(rig) {
    const email = rig.email({ ...stallAfter(500), lingerAfterSettledMs: 300 })
    await email.apply(email.event('sent'))
    await email.handle().terminate()
    await email.emailWorkflows.ensureStarted(email, null)
    await email.escalated('stalled', 'open')
    await email.apply(email.event('delivered'))
    await email.closed()
    return email
  },

  async 'heard-of-often'(rig) {
    const email = rig.email({ lingerAfterSettledMs: 500 })
    await email.apply(email.event('sent'))
    for (let opens = 0; opens < 52; opens++) await email.apply(email.event('opened', { human: false }))
    await until(async () => (await email.runs()).length === 2)
    return email
  },

  async lingering(rig) {
    const email = rig.email({ lingerAfterSettledMs: 1_000 })
    await email.apply(email.event('sent'))
    const started = (await email.handle().describe()).startTime.getTime()
    await until(() => Date.now() > started + 700)
    await email.apply(email.event('delivered'))
    await email.closed()
    return email
  },

  async repeats(rig) {
    const email = rig.email({ lingerAfterSettledMs: 500 })
    const [sent, open] = [email.event('sent'), email.event('opened')]
    await email.apply(sent, open)
    await email.emailWorkflows.signal(email, [lifecycleEventOf(open)], null)
    await email.apply(email.event('opened'))
    await email.apply(email.event('delivered'))
    await email.closed()
    return email
  },

  async 'lost-by-a-failover'(rig) {
    const email = rig.email({ lingerAfterSettledMs: 500 })
    const [sent, open, another] = [email.event('sent'), email.event('opened'), email.event('opened')]
    await email.apply(sent, open)
    const { metadata, registeredMetadata, ...before } = await email.row()
    await email.apply(another)
    const { provider, emailId } = email
    const lose = (eventId: string) =>
      rig.db.event.updateMany({ where: { provider, eventId }, data: { appliedAt: null } })
    await lose(another.id)
    await rig.db.email.update({ where: { id_provider: { id: emailId, provider } }, data: before })
    await email.emailWorkflows.signal(email, [lifecycleEventOf(another)], null)
    await email.untilApplied()
    await lose(another.id)
    await rig.db.email.update({ where: { id_provider: { id: emailId, provider } }, data: before })
    const third = email.event('opened')
    await store(rig.db, third)
    await email.emailWorkflows.signal(
      email,
      [third, another].map((event) => lifecycleEventOf(event)),
      null,
    )
    await email.untilApplied()
    await email.apply(email.event('delivered'))
    await email.closed()
    return email
  },

  async 'escalation-resolved-elsewhere'(rig) {
    const email = rig.email({ lingerAfterSettledMs: 100, escalationRepeatAfterMs: 60_000 })
    await email.register('critical')
    await email.apply(email.hardBounce())
    const { id } = await email.escalated('critical_bounce', 'open')
    const resolved = { state: 'resolved', resolvedAt: new Date(), resolvedBy: 'ada', nextNoticeAt: null }
    await rig.db.escalation.update({ where: { id }, data: { ...resolved, version: { increment: 1 } } })
    await email.emailWorkflows.command(email, 'critical_bounce', { do: 'acknowledge', by: 'bob' }).catch(() => {})
    await email.closed()
    return email
  },

  async 'owed-by-a-lost-run'(rig) {
    const email = rig.email({ lingerAfterSettledMs: 100, escalationRepeatAfterMs: 500 })
    await email.register('critical')
    await email.apply(email.hardBounce())
    await until(() => email.notices().length === 1)
    await email.handle().terminate()
    await rig.db.escalation.deleteMany({ where: { emailId: email.emailId } })
    await email.emailWorkflows.ensureStarted(email, null)
    await email.escalated('critical_bounce', 'open')
    await email.closed()
    return email
  },

  async 'changes-shown'(rig) {
    const following = rig.follow()
    const email = rig.email({ ...stallAfter(200), lingerAfterSettledMs: 300 })
    await email.register()
    const { id } = await email.escalated('stalled', 'open')
    const states = () => following.shown.filter(({ escalationId }) => escalationId === id).length
    await until(async () => (await rig.db.notification.count({ where: { escalationId: id } })) === 2)
    await email.emailWorkflows.command(email, 'stalled', { do: 'acknowledge', by: 'ada' })
    await until(() => states() === 1)
    await email.apply(email.event('delivered'))
    await until(() => states() === 2)
    await email.closed()
    following.end()
    return email
  },

  async 'incident-changes-shown'(rig) {
    const following = rig.follow()
    const incident = new IncidentRuns(rig, `tag:${randomUUID()}`)
    await incident.raise()
    await until(() => incident.notices() === 1)
    await until(async () => (await rig.db.notification.count({ where: { channel: 'oncall', notice: 1 } })) > 0)
    await incident.command({ do: 'acknowledge', by: 'ada' })
    await until(() => following.shown.some(({ state }) => state === 'acknowledged'))
    await incident.clear()
    await incident.closed()
    following.end()
    return incident
  },

  async 'mailbox-read'(rig) {
    rig.mailboxReads.push(
      mailboxRead({ mails: 50, received: 40 }),
      mailboxRead({ nextInMs: 100, mails: 3, skipped: 1 }),
      mailboxRead({ nextInMs: 100 }),
    )
    return runOf(rig, 'readMailbox', [{ mailbox: 'reports' }])
  },

  async 'mailboxes-started'(rig) {
    return runOf(rig, 'serveMailboxes', [])
  },

  async 'mailboxes-running'(rig) {
    rig.mailboxReads.push(mailboxRead({ nextInMs: 3_000 }))
    await runOf(rig, 'serveMailboxes', [])
    return runOf(rig, 'serveMailboxes', [])
  },

  async incident(rig) {
    const incident = new IncidentRuns(rig, `tag:${randomUUID()}`, { escalationRepeatAfterMs: 500 })
    await incident.raise()
    await until(() => incident.notices() === 2)
    await incident.command({ do: 'snooze', by: 'ada', until: Date.now() + 500 })
    await until(() => incident.notices() === 3)
    await incident.command({ do: 'acknowledge', by: 'ada' })
    await incident.clear()
    await incident.closed()
    return incident
  },

  async 'incident-begun-anew'(rig) {
    const incident = new IncidentRuns(rig, `tag:${randomUUID()}`)
    rig.channelError = new Error('connection refused')
    await incident.raise()
    await until(async () => (await incident.states()).includes('open'))
    await incident.clear()
    await until(async () => (await incident.states()).includes('resolved'))
    await incident.raise()
    await until(async () => (await incident.states()).includes('open'))
    rig.channelError = null
    await until(() => incident.notices() === 2)
    await incident.clear()
    await incident.closed()
    return incident
  },
}

/** Runs a workflow to its end. */
async function runOf({ client, taskQueue }: EmailRig, type: string, args: unknown[]): Promise<Recorded> {
  const workflowId = `${type}-${randomUUID()}`
  await client.workflow.execute(type, { workflowId, taskQueue, args })
  const runs: Recorded['runs'] = async () => {
    const found: Awaited<ReturnType<Recorded['runs']>> = []
    for await (const run of client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) found.push(run)
    return found
  }
  await until(async () => (await runs()).length === 1)
  return { runs, handle: (runId) => client.workflow.getHandle(workflowId, runId) }
}
