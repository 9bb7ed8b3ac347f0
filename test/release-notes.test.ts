import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')

describe('the text of a release', () => {
  let releaseNotes: (tag: string, from: { changelog: string; version: string; filesUrl: string }) => string
  before(async () => {
    ;({ releaseNotes } = await import(`${root}scripts/release-notes.mjs`))
  })

  const filesUrl = 'https://github.example/o/r/blob/v/'
  const changelog = `# Changelog

## [Unreleased]

- Later.

## [1.10.0] - 2026-03-04

### Added

- New.

## [1.1.0] - 2026-03-02

Read [Upgrading](docs/upgrading.md#now): it
says in [so many](https://words.example) words.

- Old: two
  lines.
- Older.

## [1.0.0] - 2026-03-01
`

  const old = `Read [Upgrading](${filesUrl}docs/upgrading.md#now): it says in [so many](https://words.example) words.

- Old: two lines.
- Older.`

  it('is the section of the tag alone, without line breaks in sentences, and with links to the files of the tag', () => {
    assert.equal(releaseNotes('v1.10.0', { changelog, version: '1.10.0', filesUrl }), '### Added\n\n- New.')
    assert.equal(releaseNotes('v1.1.0', { changelog, version: '1.1.0', filesUrl }), old)
  })

  it('is refused for a tag that is not the version in package.json', () => {
    for (const tag of ['v1.1.0', '1.10.0', 'v1.10.0-rc.1', '']) {
      assert.throws(
        () => releaseNotes(tag, { changelog, version: '1.10.0', filesUrl }),
        /does not match version 1\.10\.0/,
        tag,
      )
    }
  })

  it('is refused without a section, and for an empty one', () => {
    assert.throws(
      () => releaseNotes('v2.0.0', { changelog, version: '2.0.0', filesUrl }),
      /no section "## \[2\.0\.0\] - <date>"/,
    )
    assert.throws(
      () => releaseNotes('v1.0.0', { changelog, version: '1.0.0', filesUrl }),
      /1\.0\.0 in CHANGELOG\.md is empty/,
    )
  })

  it('exists for the version in package.json', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string }
    assert.match(releaseNotes(`v${version}`, { changelog: read('CHANGELOG.md'), version, filesUrl }), /^### /m)
  })
})

describe('CHANGELOG.md', () => {
  const text = read('CHANGELOG.md')
  const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading)

  it('has a section for what is not released, then the releases, the newest first', () => {
    const [first, ...releases] = headings
    assert.equal(first, '[Unreleased]')
    const found = releases.map((heading) =>
      /^\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d$/.exec(heading)?.slice(1).map(Number),
    )
    assert.ok(found.length > 5)
    const newestFirst = found.toSorted((a, b) => (b && a ? compare(b, a) : 0))
    assert.deepEqual(found, newestFirst)
    assert.ok(found.every(Boolean), releases.join('\n'))
  })

  it('sorts changes by the kinds of Keep a Changelog', () => {
    const kinds = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']
    const used = [...text.matchAll(/^### (.+)$/gm)].map(([, kind = '']) => kind)
    assert.deepEqual(
      used.filter((kind) => !kinds.includes(kind)),
      [],
    )
  })
})

const compare = (a: readonly number[], b: readonly number[]): number =>
  (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0)
