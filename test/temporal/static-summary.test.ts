import assert from 'node:assert/strict'
import { maxSummaryBytes, staticSummaryOf } from '../../src/temporal/static-summary.ts'

describe('a static summary', () => {
  it('joins the given parts', () => {
    assert.equal(staticSummaryOf('aisend', 'critical', null), 'aisend · critical')
  })

  it('is cut by its size on the wire, and never within a character', () => {
    for (const character of ['a', 'é', '漢', '😀', '"', '\n']) {
      const text = character.repeat(300)
      const summary = staticSummaryOf(text)
      const bytes = (it: string) => Buffer.byteLength(JSON.stringify(it))
      assert.ok(bytes(summary) <= maxSummaryBytes, character)
      assert.ok(bytes(summary + character) > maxSummaryBytes, character)
      assert.ok(text.startsWith(summary), character)
    }
  })
})
