import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

interface Lock {
  readonly packages: Record<string, { license?: string }>
}

describe('the dependencies', () => {
  let refusedIn: (lock: Lock) => string[]
  let verdictOf: (text: string) => { fails: boolean; line: string }
  before(async () => {
    ;({ refusedIn } = await import(`${root}scripts/licences.mjs`))
    ;({ verdictOf } = await import(`${root}scripts/audit.mjs`))
  })

  it('have allowed licences', () => {
    const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as Lock
    assert.ok(Object.keys(lock.packages).length > 300)
    assert.deepEqual(refusedIn(lock), [])
  })

  it('are refused with another licence, or with none', () => {
    const packages = {
      '': { license: 'MIT' },
      'node_modules/a': { license: 'GPL-3.0-only' },
      'node_modules/b/node_modules/@c/d': { license: 'MIT AND AGPL-3.0-only' },
      'node_modules/e': {},
      'node_modules/f': { license: '(MIT OR GPL-3.0-only)' },
      'node_modules/g': { license: 'Apache-2.0 AND MIT' },
      // An exception applies to one licence only.
      'node_modules/elkjs': { license: 'GPL-3.0-only' },
    }
    const refused = ['a: GPL-3.0-only', '@c/d: MIT AND AGPL-3.0-only', 'e: (none)', 'elkjs: GPL-3.0-only']
    assert.deepEqual(refusedIn({ packages }), refused)
  })

  it('fail the audit by high or critical vulnerabilities only', () => {
    const report = (high: number, critical: number) =>
      JSON.stringify({
        vulnerabilities: { bad: { severity: 'high' }, so: { severity: 'low' } },
        metadata: { vulnerabilities: { low: 3, moderate: 2, high, critical } },
      })
    assert.equal(verdictOf(report(0, 0)).fails, false)
    assert.deepEqual(verdictOf(report(1, 0)), {
      fails: true,
      line: 'Audit: 1 high or critical: bad (high). See `npm audit`.',
    })
    assert.equal(verdictOf(report(0, 1)).fails, true)
  })

  it('are reported as not checked if the registry has no advisories', () => {
    for (const text of ['{"message":"405 Method Not Allowed","statusCode":405}', '{"error":{"code":"ENOTFOUND"}}']) {
      const { fails, line } = verdictOf(text)
      assert.equal(fails, false)
      assert.match(line, /NOT CHECKED/)
    }
  })

  it('fail the audit if the registry answers without a list', () => {
    for (const text of ['', 'nonsense', '{"message":"Bad Gateway","statusCode":502}', '{}']) {
      assert.equal(verdictOf(text).fails, true, text)
    }
  })
})
