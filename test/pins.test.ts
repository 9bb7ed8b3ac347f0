import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')
const digest = (character: string): string => `sha256:${character.repeat(64)}`

interface Image {
  readonly name: string
  readonly tag: string
  readonly digest?: string
}

describe('the pins', () => {
  let pinnedFiles: string[]
  let imagesOf: (text: string) => Image[]
  let withDigests: (text: string, digests: ReadonlyMap<string, string>) => string
  before(async () => {
    ;({ pinnedFiles, imagesOf, withDigests } = await import(`${root}scripts/pin-images.mjs`))
  })

  it('of images are digests, in docker-compose.yml and Dockerfile', () => {
    const images = pinnedFiles.flatMap((file) => imagesOf(read(file)))
    assert.equal(images.length, 6)
    for (const { name, tag, digest } of images) assert.match(digest ?? '', /^sha256:[0-9a-f]{64}$/, `${name}:${tag}`)
    const lines = pinnedFiles.flatMap((file) => read(file).match(/^(?: *image: |FROM ).*$/gm) ?? [])
    const others = lines.filter((line) => imagesOf(line).length === 0)
    assert.deepEqual(others, ['  image: aftersend'])
  })

  it('of images are replaced without changing anything else', () => {
    const text = `  image: a/b:1\n  # image: x:1\n  image: ours\nFROM c:2-slim@${digest('0')} AS build\n`
    assert.deepEqual(imagesOf(text), [
      { name: 'a/b', tag: '1', digest: undefined },
      { name: 'c', tag: '2-slim', digest: digest('0') },
    ])
    const digests = new Map([
      ['a/b:1', digest('1')],
      ['c:2-slim', digest('2')],
    ])
    const pinned = `  image: a/b:1@${digest('1')}\n  # image: x:1\n  image: ours\nFROM c:2-slim@${digest('2')} AS build\n`
    assert.equal(withDigests(text, digests), pinned)
  })

  it('of the actions in workflows are commits, with their version beside', () => {
    const uses = readdirSync(`${root}.github/workflows`).flatMap((file) =>
      [...read(`.github/workflows/${file}`).matchAll(/^ *(?:- )?uses: (.*)$/gm)].map(([, action = '']) => action),
    )
    assert.ok(uses.length >= 8)
    for (const action of uses.filter((name) => !name.startsWith('./'))) {
      assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    }
  })
})
