import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(`${root}SECURITY.md`, 'utf8')

describe('SECURITY.md', () => {
  it('names only tests that exist', () => {
    const named = [...page.matchAll(/`(test\/[\w/.-]+\.ts)`: (.+?) \|$/gm)]
    assert.ok(named.length > 20, `${named.length} tests are named`)
    for (const [, file = '', name = ''] of named) {
      assert.ok(readFileSync(`${root}${file}`, 'utf8').includes(`it('${name}'`), `${file}: ${name}`)
    }
  })

  it('has a test for every threat', () => {
    const rows = page.split('\n').filter((line) => /^\| (\*\*|\|)/.test(line) || line.startsWith('| |'))
    const untested = rows.filter((row) => !row.includes('`test/') && !row.includes('by reading alone'))
    assert.deepEqual(untested, [])
  })
})
