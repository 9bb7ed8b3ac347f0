import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configurationPage, envExample, mappingsSchemaText, settingRoles } from '../scripts/configuration-docs.ts'
import { settingNames } from '../src/environment.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')
const stale = 'run `npm run docs:configuration`'

describe('docs/configuration.md', () => {
  it('is what the script generates from src/environment.ts', () => {
    assert.ok(read('docs/configuration.md') === configurationPage(), stale)
  })

  it('has a row for every setting', () => {
    const page = configurationPage()
    assert.deepEqual(
      settingNames.filter((name) => !page.includes(`| \`${name}\` |`)),
      [],
    )
  })

  it('names the roles to whose service docker-compose.yml gives the variable', () => {
    const compose = read('docker-compose.yml')
    const shared = variablesIn(compose, /^x-environment:/m)
    for (const role of ['api', 'worker'] as const) {
      const own = variablesIn(compose, new RegExp(`^ {2}${role}:`, 'm'))
      const readers = [...settingRoles].filter(([, roles]) => roles.includes(role)).map(([name]) => name)
      const given = new Set([...shared, ...own])
      assert.deepEqual(
        readers.filter((name) => !given.has(name)),
        [],
        `${role} reads them, and is not given them`,
      )
      assert.deepEqual(
        own.filter((name) => !readers.includes(name)),
        [],
        `${role} is given them, and does not read them`,
      )
    }
  })
})

describe('docs/own-senders.schema.json', () => {
  it('is the schema of mappings', () => {
    assert.ok(read('docs/own-senders.schema.json') === mappingsSchemaText(), stale)
  })
})

describe('.env.example', () => {
  it('is what the script generates from src/environment.ts', () => {
    assert.ok(read('.env.example') === envExample(), stale)
  })
})

/** The variables of the mapping that begins there, and ends with the next key at the same depth. */
function variablesIn(text: string, start: RegExp): string[] {
  const found = text.match(start)
  assert.ok(found, `${start}`)
  const [head] = found
  const depth = head.search(/\S/)
  const rest = text.slice((found.index ?? 0) + head.length)
  const end = rest.search(new RegExp(`\\n {0,${depth}}[a-z]`))
  return [...rest.slice(0, end).matchAll(/^ +([A-Z0-9_]+):/gm)].map(([, name = '']) => name)
}
