/**
 * The model check: see docs/reliability.md. To repeat one schedule: `MODEL_SEED=<seed> npm test -- test/model/model.test.ts`;
 * 100,000 schedules: `npm run test:model`.
 */
import assert from 'node:assert/strict'
import { runIncidentSchedule } from './incident-schedule.ts'
import { brokenGuarantees, type Mutant, reintroducedFaults } from './mutants.ts'
import { runSchedule } from './schedule.ts'

type Run = (seed: number, mutate?: Mutant['mutate']) => Promise<string[]>

const isLong = process.env['TEST_FORM'] === 'long'
const givenSeed = process.env['MODEL_SEED']
const schedules = isLong ? 100_000 : 500
const incidents = isLong ? 10_000 : 200
/** The most schedules to find a mutant in. */
const maxSchedules = 2_000

async function assertNothingIsFound(run: Run, count: number): Promise<void> {
  const seeds = givenSeed === undefined ? Array.from({ length: count }, (_, n) => n + 1) : [Number(givenSeed)]
  for (const seed of seeds) {
    const found = await run(seed)
    const again = `again: MODEL_SEED=${seed} npm test -- test/model/model.test.ts`
    assert.deepEqual(found, [], `schedule ${seed} has violations; ${again}`)
  }
}

async function assertIsFound({ mutate, finds, firstSeed = 1, isIncident = false }: Mutant): Promise<void> {
  const run: Run = isIncident ? runIncidentSchedule : runSchedule
  const others: string[] = []
  for (let seed = firstSeed; seed < firstSeed + maxSchedules; seed++) {
    const found = await run(seed, mutate)
    if (found.some((violation) => finds.test(violation))) return
    others.push(...found)
  }
  assert.fail(`not found in ${maxSchedules} schedules; instead ${others.slice(0, 3).join('; ') || 'nothing'}`)
}

describe('the model check', function () {
  this.timeout(isLong ? 6 * 3_600_000 : 600_000)
  // Each lost answer is an error, and recording stack traces would take most of the time.
  const { stackTraceLimit } = Error
  before(() => {
    Error.stackTraceLimit = 0
  })
  after(() => {
    Error.stackTraceLimit = stackTraceLimit
  })

  it('finds every acknowledged event applied once, and nothing pending', () =>
    assertNothingIsFound(runSchedule, schedules))

  it('finds a notice of every incident, whatever channel is down', () =>
    assertNothingIsFound(runIncidentSchedule, incidents))

  if (givenSeed === undefined) {
    describe('finds', () => {
      for (const [name, mutant] of Object.entries(reintroducedFaults)) {
        if (isLong || !mutant.isRare) it(name, () => assertIsFound(mutant))
      }
    })
    describe('finds a server that breaks its guarantee:', () => {
      for (const [name, mutant] of Object.entries(brokenGuarantees)) it(name, () => assertIsFound(mutant))
    })
  }
})
