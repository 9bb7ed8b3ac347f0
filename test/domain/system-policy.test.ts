import assert from 'node:assert/strict'
import { type SystemFigures, systemFindings } from '../../src/domain/system-policy.ts'

const limits = { backlogAfterMs: 600_000, refusedAfterMs: 60_000 }
const calm: SystemFigures = { oldestPendingMs: 0, temporal: { state: 'flowing', forMs: 0, detail: null } }
const levelsOf = (figures: Partial<SystemFigures>) =>
  Object.fromEntries(systemFindings({ ...calm, ...figures }, limits).map(({ reason, level }) => [reason, level]))
const refused = (forMs: number) => levelsOf({ temporal: { state: 'refused', forMs, detail: null } })['temporal_refused']

describe('the policy for the system itself', () => {
  it('raises a backlog above its limit, and clears it only below 80 % of it', () => {
    const level = (oldestPendingMs: number) => levelsOf({ oldestPendingMs })['backlog']
    assert.deepEqual([600_001, 600_000, 480_000, 479_000, 0].map(level), ['raised', 'held', 'held', 'clear', 'clear'])
  })

  it('reports an unreachable Temporal with the backlog', () => {
    const [backlog] = systemFindings(
      { oldestPendingMs: 700_000, temporal: { state: 'away', forMs: 1, detail: null } },
      limits,
    )
    assert.equal(backlog?.detail, 'The oldest pending event has waited for 11 minutes. Temporal does not answer.')
  })

  it('raises a refusal that lasts', () => {
    assert.deepEqual([refused(60_001), refused(60_000), refused(0)], ['raised', 'held', 'held'])
    assert.equal(levelsOf({ temporal: { state: 'away', forMs: 1e9, detail: null } })['temporal_refused'], 'clear')
  })

  it('raises failing workflows, holds if Temporal does not answer, and has no finding if it was not asked', () => {
    const level = (failingWorkflows: number | null) => levelsOf({ failingWorkflows })['workflow_tasks_failing']
    assert.deepEqual([level(2), level(null), level(0)], ['raised', 'held', 'clear'])
    assert.equal('workflow_tasks_failing' in levelsOf({}), false)
  })
})
