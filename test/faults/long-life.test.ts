import assert from 'node:assert/strict'
import { insertEvents } from '../../src/db/events.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import { TemporalUnavailableError } from '../../src/errors.ts'
import type { LocalTemporal } from '../../src/local/temporal.ts'
import { ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { Living, type LivingEmail } from '../workflows/living.ts'
import { inForm } from './form.ts'

const { signals, longestHistory, dynamicConfig } = inForm({
  short: {
    signals: 400,
    // A run goes on until its loop idles or has applied what came meanwhile.
    longestHistory: 600,
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '100' } as Record<string, string>,
  },
  // More than the 10,000 that Temporal takes for one run, at the length where it suggests the next one by itself.
  long: { signals: 10_500, longestHistory: 5_000, dynamicConfig: {} as Record<string, string> },
})

/** A dispatcher sends an email one signal at a time, so these are API instances. */
const senders = 3

describe('faults: one email without end', function () {
  this.timeout(400_000)
  let temporal: LocalTemporal
  let living: Living
  before(async () => {
    temporal = await ownTemporal({ dynamicConfig })
    living = await Living.begin({ temporalAddress: temporal.address })
  })
  after(async () => {
    await living.end()
    await temporal.stop()
  })

  it(`takes ${signals} signals of one event each, in runs of no more than ${longestHistory} history events`, async () => {
    const email = living.email()
    const opens = Array.from({ length: signals }, () => email.event('opened', { human: true }))
    for (let start = 0; start < signals; start += 1_000)
      await insertEvents(living.db, opens.slice(start, start + 1_000))
    const startedAt = performance.now()
    const queue = [...opens]
    await Promise.all(
      Array.from({ length: senders }, async () => {
        for (let open = queue.pop(); open; open = queue.pop()) {
          await signalUntilTaken(email, lifecycleEventOf(open))
        }
      }),
    )
    await until(async () => (await living.db.event.count({ where: { appliedAt: null } })) === 0, 120_000)
    const appliedMs = performance.now() - startedAt
    const { opensTotal } = await email.row()
    // Lists of workflows are told a moment later.
    await until(async () => (await runLengths(email)).length >= 2)
    const lengths = await runLengths(email)
    console.log(
      `      ${signals} signals in ${(appliedMs / 1_000).toFixed(1)} s, ${lengths.length} runs of ${lengths.join(', ')} history events`,
    )
    assert.equal(opensTotal, signals)
    assert.ok(Math.max(...lengths) <= longestHistory)
  })
})

/** As the inbox does: a run that is about to end takes no signal for a moment. */
async function signalUntilTaken(email: LivingEmail, event: LifecycleEvent): Promise<void> {
  await until(async () => {
    try {
      await email.lives.signal(email, [event], null)
      return true
    } catch (error) {
      if (error instanceof TemporalUnavailableError) return false
      throw error
    }
  })
}

/** History events of each run of a workflow. */
async function runLengths(email: LivingEmail): Promise<number[]> {
  const lengths: number[] = []
  for (const { runId } of await email.runs())
    lengths.push((await email.handle(runId).fetchHistory()).events?.length ?? 0)
  return lengths
}
