import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(`${root}SECURITY.md`, 'utf8')

function assertTestsExist(text: string, atLeast: number): void {
  const named = [...text.matchAll(/`(test\/[\w/.-]+\.ts)`: (.+?) \|$/gm)]
  assert.ok(named.length > atLeast, `${named.length} tests are named`)
  for (const [, file = '', name = ''] of named) {
    assert.ok(readFileSync(`${root}${file}`, 'utf8').includes(`it('${name}'`), `${file}: ${name}`)
  }
}

describe('SECURITY.md', () => {
  it('names only tests that exist', () => assertTestsExist(page, 20))

  it('has a test for every threat', () => {
    const rows = page.split('\n').filter((line) => /^\| (\*\*|\|)/.test(line) || line.startsWith('| |'))
    const untested = rows.filter((row) => !row.includes('`test/') && !row.includes('by reading alone'))
    assert.deepEqual(untested, [])
  })
})

/** How many requirements of levels 1 and 2 each section of ASVS 5.0.0 has; they are its first ones. */
const sections =
  '1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 ' +
  '6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 ' +
  '10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1 12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 ' +
  '14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2'

describe('docs/asvs.md', () => {
  const text = readFileSync(`${root}docs/asvs.md`, 'utf8')
  const rows = text.split('\n').filter((line) => /^\| (V?\d)/.test(line))
  const requirements = sections.split(' ').flatMap((section) => {
    const [name = '', count = '0'] = section.split(':')
    return Array.from({ length: Number(count) }, (_, n) => `${name}.${n + 1}`)
  })

  it('names only tests that exist', () => assertTestsExist(text, 60))

  it('has each requirement of levels 1 and 2 once', () => {
    // A chapter or section as a whole is V17 or V4.3.
    const listed = rows.flatMap((row) => (row.split('|')[1] ?? '').trim().split(', '))
    const timesOf = (requirement: string) =>
      listed.filter((entry) => entry === requirement || `${requirement}.`.startsWith(`${entry.replace('V', '')}.`))
        .length
    assert.equal(requirements.length, 253)
    assert.deepEqual(
      requirements.filter((requirement) => timesOf(requirement) !== 1),
      [],
    )
    const known = listed.filter((entry) =>
      requirements.some((each) => `${each}.`.startsWith(`${entry.replace('V', '')}.`)),
    )
    assert.deepEqual(known, listed)
  })

  it('has a test for each row, or says why not', () => {
    const untested = rows.filter(
      (row) => !/`test\/|by reading \||Not met|TODO-MERGE|\| none \||^(\|[^|]+){2}\|$/.test(row),
    )
    assert.deepEqual(untested, [])
  })
})
