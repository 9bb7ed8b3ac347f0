/** The faults of a schedule, and people who act on escalations meanwhile. */
import { workflowIdOf } from '../../src/temporal/email-workflows.ts'
import type { CommitKind } from './fake-tables.ts'
import type { Network } from './network.ts'
import { Process } from './scheduler.ts'
import { policy, type World } from './world.ts'

/** A kind of fault, injected at a random moment. */
type Fault = (world: World) => void

const recoveryMs = (world: World): number => 500 + world.random.below(world.random.chance(0.2) ? 60_000 : 8_000)

function breakConnection(world: World, pick: (networks: World['networks']) => Network): void {
  const network = pick(world.networks)
  network.reach = world.random.pick(['refusing', 'silent'])
  world.scheduler.after(null, recoveryMs(world), () => {
    network.reach = 'up'
  })
}

/** Commits that a replica may lack when it is promoted: they do not wait for it. */
const asynchronousCommits: ReadonlySet<CommitKind> = new Set(['apply', 'claim'])

const faultKinds: Readonly<Record<string, Fault>> = {
  apiKilled(world) {
    const victim = world.inboxes.find(({ process }) => process.isAlive)
    victim?.kill()
    if (victim) world.scheduler.after(null, recoveryMs(world), () => world.startInbox())
  },
  apiStopped(world) {
    const stopping = world.inboxes.find(({ process }) => process.isAlive)
    if (!stopping) return
    world.inboxes = world.inboxes.filter((inbox) => inbox !== stopping)
    void stopping.close().then(() => stopping.kill())
    world.scheduler.after(null, recoveryMs(world), () => world.startInbox())
  },
  workerKilled(world) {
    const victim = world.workers.find(({ process }) => process.isAlive)
    victim?.kill()
    if (victim) world.scheduler.after(null, recoveryMs(world), () => world.startWorker())
  },
  databaseAway(world) {
    const both = world.random.chance(0.5)
    breakConnection(world, ({ receipt }) => receipt)
    if (both) breakConnection(world, ({ applying }) => applying)
  },
  databaseAwayForWorkers: (world) => breakConnection(world, ({ applying }) => applying),
  temporalAway: (world) => breakConnection(world, ({ signals }) => signals),
  temporalAwayForWorkers: (world) => breakConnection(world, ({ polling }) => polling),
  temporalLosesAll(world) {
    world.hasLostRuns = true
    world.temporal.loseEverything()
  },
  runIsLost(world) {
    const runs = world.temporal.openRuns()
    if (runs.length === 0) return
    world.hasLostRuns = true
    world.temporal.terminate(world.random.pick(runs))
  },
  runIsReset(world) {
    const runs = world.temporal.openRuns().filter(({ history }) => history.length > 0)
    if (runs.length === 0) return
    const run = world.random.pick(runs)
    world.hasLostRuns = true
    world.temporal.reset(run, world.random.pick(run.taskEnds))
  },
  failover: (world) => void world.database.tables.loseLast(1 + world.random.below(3), asynchronousCommits),
  channelDown(world) {
    const channel = world.random.pick(world.channels)
    channel.isDown = true
    world.scheduler.after(null, recoveryMs(world), () => {
      channel.isDown = false
    })
  },
  personActs: (world) => void personActs(world),
  personActsAgain: (world) => void personActs(world),
}

const person = new Process('person')

/** A person acts on an unresolved escalation, and retries with the same idempotency key if no answer comes. */
async function personActs(world: World): Promise<void> {
  const { tables } = world.database
  const unresolved = [...tables.escalations].filter(([, { escalation }]) => escalation.state !== 'resolved')
  if (unresolved.length === 0) return
  const [id, { provider, emailId, escalation }] = world.random.pick(unresolved)
  const name = world.random.pick([
    'resolveEscalation',
    'resolveEscalation',
    'acknowledgeEscalation',
    'snoozeEscalation',
  ])
  const args = { reason: escalation.reason, by: 'ada', until: world.scheduler.now + 40_000 }
  const updateId = `update ${world.random.below(1e9)}`
  const start = {
    workflowId: workflowIdOf({ provider, emailId }),
    type: 'emailLifecycle',
    input: { provider, emailId, policy },
    attributes: {},
  }
  for (let tries = 0; tries < 4; tries++) {
    const outcome = await new Promise<'done' | 'refused' | 'late'>((resolve) => {
      world.scheduler.after(person, 10_000, () => resolve('late'))
      const send = () =>
        void world.temporal.updateWithStart(start, updateId, name, [args]).then(
          () => resolve('done'),
          (error) => resolve(error instanceof Error && error.name === 'TemporalUnavailableError' ? 'late' : 'refused'),
        )
      world.networks.signals.call(person, 5_000, send).catch(() => resolve('late'))
    })
    if (outcome === 'done' && name === 'resolveEscalation') world.resolved.add(id)
    if (outcome !== 'late') return
  }
}

/** All faults start within this, and end within a minute more. */
export const faultsMs = 90_000

/** Chooses the faults and their times. */
export function injectFaults(world: World): void {
  const { random, scheduler, networks } = world
  const loss = random.pick([0, 0, 0.02, 0.1])
  for (const network of Object.values(networks)) network.loss = loss
  world.busyness = random.pick([0, 0, 0.2])
  scheduler.clockBias = random.pick([0.01, 0.05, 0.2])
  world.temporal.suggestedAfter = random.pick([4_096, 4_096, 4, 9])
  const count = random.below(7)
  for (let n = 0; n < count; n++) {
    const fault = faultKinds[random.pick(world.faultKinds ?? Object.keys(faultKinds))]
    if (fault) scheduler.after(null, random.below(faultsMs), () => fault(world))
  }
}

/** Ends message loss and outages. Stopped processes are started again by their own timers. */
export function endFaults(world: World): void {
  for (const network of Object.values(world.networks)) {
    network.loss = 0
    network.reach = 'up'
  }
  for (const channel of world.channels) channel.isDown = false
  world.busyness = 0
}
