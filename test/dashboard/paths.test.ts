import assert from 'node:assert/strict'
import fc from 'fast-check'
import { localPath } from '../../src/dashboard/paths.ts'

const parts = [
  '/',
  '//',
  '\\',
  '.',
  '..',
  '%2e',
  '%2f',
  '%5c',
  '\t',
  '\n',
  '@',
  ':',
  '?',
  '#',
  'a',
  'evil.example',
  'https:',
]

describe('a path to redirect to', () => {
  it('stays on this server, whatever it is made of', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 12 }), (given) => {
        const path = localPath(given.join(''))
        assert.equal(new URL(path, 'https://aftersend.example').origin, 'https://aftersend.example', path)
        assert.match(path, /^\/(?![/\\])/)
      }),
      { numRuns: 20_000 },
    )
  })

  it('is unchanged for the pages of the dashboard', () => {
    for (const path of ['/', '/emails?status=bounced', '/emails/aisend/em%2F1']) assert.equal(localPath(path), path)
  })
})
