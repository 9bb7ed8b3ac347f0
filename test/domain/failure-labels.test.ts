import assert from 'node:assert/strict'
import { failureReasons } from '../../src/domain/failure.ts'
import { failureLabelOf, failureLabels, partyLabelOf, partyLabels } from '../../src/domain/failure-labels.ts'

describe('the words for failures', () => {
  it('exist for every reason: a short label of its own, and one sentence', () => {
    for (const reason of Object.keys(failureReasons)) {
      const { label, sentence } = failureLabelOf(reason)
      assert.ok(label.length > 0 && label.length <= 24, `${reason}: ${label}`)
      assert.match(sentence, /^[A-Z].*\.$/, reason)
    }
    const labels = Object.values(failureLabels).map(({ label }) => label)
    assert.equal(new Set(labels).size, labels.length)
  })

  it('exist for every party', () => {
    for (const party of new Set(Object.values(failureReasons))) assert.ok(partyLabelOf(party).actor.length > 0, party)
  })

  it('are those of unknown for a name that is not known', () => {
    assert.deepEqual(
      [failureLabelOf('constructor'), failureLabelOf('of_a_later_version')],
      [failureLabels.unknown, failureLabels.unknown],
    )
    assert.equal(partyLabelOf('toString'), partyLabels.unknown)
  })
})
