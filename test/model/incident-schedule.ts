/** One schedule of incidents: they start, end and start again, while a channel may be down throughout. */
import { resolveEscalation } from '../../src/domain/escalation.ts'
import type { EmailKey } from '../../src/domain/events.ts'
import { recovered } from '../../src/domain/incident.ts'
import { incidentWorkflowIdOf } from '../../src/temporal/incidents.ts'
import { readEscalations, upsertEscalation } from './fake-escalations.ts'
import type { EscalationRow } from './fake-tables.ts'
import { pendingNotices } from './invariants.ts'
import { Process } from './scheduler.ts'
import { policy, World } from './world.ts'

const incident = { reason: 'bounce_rate', scope: 'provider:aisend' } as const
const workflowId = incidentWorkflowIdOf(incident)
const watchEveryMs = 60_000
const minute = 60_000

/** A channel that is up receives the notice of an incident within this. */
const noticeWithinMs = 5 * minute
const idleWithinMs = 3_600_000

interface Phase {
  readonly from: number
  readonly to: number
}

/** @returns the violations; empty if there are none. */
export async function runIncidentSchedule(seed: number, mutate: (world: World) => void = () => {}): Promise<string[]> {
  const world = new World(seed)
  const { random, scheduler } = world
  mutate(world)
  world.startWorker()
  const startedAt = scheduler.now
  const raised = phasesFrom(world)
  const isRaised = () => raised.some(({ from, to }) => from <= scheduler.now && scheduler.now < to)
  watchPeriodically(world, new Process('watch'), isRaised)
  const [first, second] = world.channels
  if (first && random.chance(0.5)) first.isDown = true
  if (random.chance(0.5)) for (const network of Object.values(world.networks)) network.loss = 0.01
  scheduler.clockBias = 0.1
  for (let n = random.below(3); n > 0; n--) scheduler.after(null, random.below(20 * minute), () => restartWorker(world))

  const last = raised.at(-1)?.to ?? startedAt
  while (scheduler.now < last + noticeWithinMs && found(world).length === 0) await scheduler.step()
  const missed = raised.filter((phase) => !hasNotice(world, phase, second?.taken ?? []))
  if (missed.length > 0)
    return missed.map(({ from }) => `no notice of the incident that started after ${(from - startedAt) / 1_000} s`)
  for (const network of Object.values(world.networks)) network.loss = 0
  if (first) first.isDown = false
  const endedAt = scheduler.now
  while (found(world).length === 0 && (world.temporal.openRuns().length > 0 || pendingNotices(world).length > 0)) {
    await scheduler.step()
    if (scheduler.now > endedAt + idleWithinMs)
      return [
        `not idle after an hour: ${[...pendingNotices(world), ...world.temporal.openRuns().map((run) => `${run.workflowId} is open`)].join(', ')}`,
      ]
  }
  return found(world)
}

const found = (world: World): string[] => [...world.violations, ...world.temporal.violations]

/** When the rate is too high. Each phase, and each time between two, is long enough for the watch to measure it. */
function phasesFrom({ random, scheduler }: World): Phase[] {
  let at = scheduler.now + random.below(minute)
  return Array.from({ length: 1 + random.below(3) }, () => {
    const from = at
    const to = from + noticeWithinMs + random.below(10 * minute)
    at = to + 3 * minute + random.below(5 * minute)
    return { from, to }
  })
}

function restartWorker(world: World): void {
  for (const worker of world.workers.splice(0)) worker.kill()
  world.scheduler.after(null, world.random.below(30_000), () => world.startWorker())
}

/**
 * Whether the channel that is up has accepted the first notice of an escalation that was opened in this phase; or an earlier
 * episode has not ended yet, because the watch could not clear it.
 */
function hasNotice({ database }: World, { from, to }: Phase, taken: readonly string[]): boolean {
  return [...database.tables.escalations].some(
    ([
      id,
      {
        escalation: { openedAt, resolvedAt },
      },
    ]) => {
      const isOngoing = openedAt < from && (resolvedAt === null || resolvedAt >= from)
      return isOngoing || (openedAt >= from && openedAt < to && taken.includes(`${id}.1`))
    },
  )
}

function watchPeriodically(world: World, process: Process, isRaised: () => boolean): void {
  world.scheduler.after(null, watchEveryMs, () => {
    watchPeriodically(world, process, isRaised)
    void watch(world, process, isRaised()).catch(() => {})
  })
}

/** As `watch-activities.ts`. */
async function watch(world: World, process: Process, isRaised: boolean): Promise<void> {
  const { database, temporal, networks } = world
  const rpc = <T>(effect: () => T) => networks.signals.call(process, 5_000, effect)
  const now = world.scheduler.now
  const stored = await networks.applying.call(process, 5_000, () => latestIncident(world))
  const isUnresolved = stored !== null && stored.escalation.state !== 'resolved'
  if (isRaised && !isUnresolved) {
    const episode = new Date(now).toISOString()
    const input = { ...incident, episode, policy }
    const start = { workflowId, type: 'incident', input, attributes: {} }
    await rpc(() =>
      temporal.signalWithStart(start, 'measured', [{ level: 'raised', detail: 'too many bounces', episode }]),
    )
  }
  if (isRaised || stored === null) return
  const isRunning = await rpc(() => temporal.signal(workflowId, 'measured', [{ level: 'clear', detail: '' }]))
  if (isRunning || !isUnresolved) return
  const key: EmailKey = { provider: stored.provider, emailId: stored.emailId }
  await networks.applying.call(process, 5_000, () => {
    for (const escalation of readEscalations(database, key))
      if (escalation.state !== 'resolved')
        upsertEscalation(database, key, resolveEscalation(escalation, recovered, now))
  })
}

/** As `src/db/incidents.ts`: the latest that is unresolved, or was resolved by a person. */
function latestIncident({ database }: World): EscalationRow | null {
  const known = [...database.tables.escalations.values()].filter(
    ({ escalation }) => escalation.state !== 'resolved' || escalation.resolvedBy !== recovered,
  )
  return known.sort((a, b) => b.escalation.openedAt - a.escalation.openedAt)[0] ?? null
}
