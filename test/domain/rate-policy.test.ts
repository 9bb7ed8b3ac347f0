import assert from 'node:assert/strict'
import fc from 'fast-check'
import { incidentIn, incidentKeyOf } from '../../src/domain/incident.ts'
import { type AlarmFigures, findingsOf, levelOf, levelOfRate } from '../../src/domain/rate-policy.ts'

const policy = {
  bounceRate: 0.02,
  complaintRate: 0.001,
  minimumSample: 100,
  refusalRate: 0.1,
  minimumRefusals: 5,
  backlogAfterMs: 600_000,
  signatureFailures: 20,
  silenceAfterMs: 6 * 3_600_000,
}
const calm: AlarmFigures = { rates: [], providers: [] }
const raisedIn = (figures: Partial<AlarmFigures>) =>
  findingsOf({ ...calm, ...figures }, policy)
    .filter(({ level }) => level === 'raised')
    .map(({ reason, scope }) => `${reason} ${scope}`)

describe('the rate policy', () => {
  it('raises above a limit, and clears only below 80 % of it', () => {
    assert.deepEqual(
      [2.1, 2, 1.7, 1.6, 1.5, 0].map((figure) => levelOf(figure, 2)),
      ['raised', 'held', 'held', 'held', 'clear', 'clear'],
    )
  })

  it('separates raised and clear by at least a fifth of the limit', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (limit, figure) => {
          if (levelOf(figure, limit) === 'clear') assert.ok(figure < limit * 0.8)
          if (levelOf(figure, limit) === 'raised') assert.ok(figure > limit)
        },
      ),
    )
  })

  it('raises nothing for too few emails, and holds from half of the minimum', () => {
    const rate = (numerator: number, denominator: number) => levelOfRate({ numerator, denominator }, 0.02, 100)
    assert.deepEqual(
      [rate(50, 99), rate(50, 100), rate(40, 49), rate(0, 0), rate(0, 80)],
      ['held', 'raised', 'clear', 'clear', 'clear'],
    )
  })

  it('compares bounces with sent and complaints with delivered emails, for each scope', () => {
    const rated = { sent: 1_000, delivered: 900, hardBounced: 0, complained: 0 }
    const rates = [
      { ...rated, scope: 'provider:aisend', hardBounced: 21 },
      { ...rated, scope: 'tag:receipt', complained: 1 },
      { ...rated, scope: 'tag:invitation', hardBounced: 20 },
    ]
    assert.deepEqual(raisedIn({ rates }), ['bounce_rate provider:aisend', 'complaint_rate tag:receipt'])
    const [bounces] = findingsOf({ ...calm, rates }, policy)
    assert.equal(bounces?.detail, '2.1 % of 1000 emails sent within 24 hours bounced hard; the limit is 2 %.')
  })

  it('compares wrong signatures and silence with their limits', () => {
    const quiet = { signatureFailures: 0, genuine: 0, silentForMs: 0 }
    const providers = [
      { ...quiet, provider: 'one', signatureFailures: 21 },
      { ...quiet, provider: 'two', silentForMs: policy.silenceAfterMs + 1 },
      { ...quiet, provider: 'three' },
      // A tenth of the traffic is the limit: a stranger's requests beside it alert nobody.
      { ...quiet, provider: 'four', signatureFailures: 21, genuine: 300 },
      { ...quiet, provider: 'five', signatureFailures: 21, genuine: 100 },
    ]
    assert.deepEqual(raisedIn({ providers }), [
      'signature_failures provider:one',
      'silence provider:two',
      'signature_failures provider:five',
    ])
  })

  it('clears a silence with the first webhook, not with a shorter silence', () => {
    const level = (silentForMs: number) =>
      findingsOf(
        { ...calm, providers: [{ provider: 'one', signatureFailures: 0, genuine: 0, silentForMs }] },
        policy,
      ).find(({ reason }) => reason === 'silence')?.level
    assert.deepEqual([level(1), level(0)], ['held', 'clear'])
  })
})

describe('the key of an incident', () => {
  it('is parsed to scope and episode for any tag, and differs from an email’s', () => {
    const episode = '2026-01-01T00:00:00.000Z'
    for (const scope of ['system', 'tag:a@b', 'provider:aisend']) {
      assert.deepEqual(incidentIn(incidentKeyOf(scope, episode)), { scope, episode })
    }
    assert.equal(incidentIn({ provider: 'aisend', emailId: 'em_1@x' }), null)
  })
})
