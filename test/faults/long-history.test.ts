import assert from 'node:assert/strict'
import { insertEvents } from '../../src/db/events.ts'
import type { LifecycleEvent } from '../../src/domain/events.ts'
import { lifecycleEventOf } from '../../src/domain/received-event.ts'
import type { EmbeddedTemporal } from '../../src/embedded/temporal.ts'
import { TemporalUnavailableError } from '../../src/errors.ts'
import { ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { EmailRig, type RigEmail } from '../workflows/email-rig.ts'
import { inForm } from './form.ts'

const { signals, longestHistory, dynamicConfig } = inForm({
  short: {
    signals: 400,
    // A run continues until its loop is idle or has applied what arrived in the meantime.
    longestHistory: 600,
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': '100' } as Record<string, string>,
  },
  // More than the 10,000 signals that Temporal accepts per run, with its default for suggesting continue-as-new.
  long: { signals: 10_500, longestHistory: 5_000, dynamicConfig: {} as Record<string, string> },
})

/** A relay sends one signal at a time per email, so these stand for API instances. */
const senders = 3

describe('faults: one email with endless events', function () {
  this.timeout(400_000)
  let temporal: EmbeddedTemporal
  let rig: EmailRig
  before(async () => {
    temporal = await ownTemporal({ dynamicConfig })
    rig = await EmailRig.start({ temporalAddress: temporal.address })
  })
  after(async () => {
    await rig.stop()
    await temporal.stop()
  })

  it(`accepts ${signals} signals of one event each, in runs of no more than ${longestHistory} history events`, async () => {
    const email = rig.email()
    const opens = Array.from({ length: signals }, () => email.event('opened', { human: true }))
    for (let start = 0; start < signals; start += 1_000) await insertEvents(rig.db, opens.slice(start, start + 1_000))
    const startedAt = performance.now()
    const queue = [...opens]
    await Promise.all(
      Array.from({ length: senders }, async () => {
        for (let open = queue.pop(); open; open = queue.pop()) {
          await signalUntilAccepted(email, lifecycleEventOf(open))
        }
      }),
    )
    await until(async () => (await rig.db.event.count({ where: { appliedAt: null } })) === 0, 120_000)
    const appliedMs = performance.now() - startedAt
    const { opensTotal } = await email.row()
    // Visibility is updated a moment later.
    await until(async () => (await runLengths(email)).length >= 2)
    const lengths = await runLengths(email)
    console.log(
      `      ${signals} signals in ${(appliedMs / 1_000).toFixed(1)} s, ${lengths.length} runs of ${lengths.join(', ')} history events`,
    )
    assert.equal(opensTotal, signals)
    assert.ok(Math.max(...lengths) <= longestHistory)
  })
})

/** Retries as the inbox does: a run that is about to end accepts no signal for a moment. */
async function signalUntilAccepted(email: RigEmail, event: LifecycleEvent): Promise<void> {
  await until(async () => {
    try {
      await email.signal(event)
      return true
    } catch (error) {
      if (error instanceof TemporalUnavailableError) return false
      throw error
    }
  })
}

/** History events of each run of a workflow. */
async function runLengths(email: RigEmail): Promise<number[]> {
  const lengths: number[] = []
  for (const { runId } of await email.runs())
    lengths.push((await email.handle(runId).fetchHistory()).events?.length ?? 0)
  return lengths
}
