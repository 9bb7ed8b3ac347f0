import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')
const digest = (character: string): string => `sha256:${character.repeat(64)}`

interface Image {
  readonly name: string
  readonly tag: string
  readonly digest?: string
}

interface Registry {
  readonly origin: string
  readonly repository: string
}

describe('the pins', () => {
  let pinnedFiles: string[]
  let imagesOf: (text: string) => Image[]
  let registryOf: (name: string) => Registry
  let indexDigest: (name: string, reference: string, registry: Registry) => Promise<string | null>
  let withDigests: (text: string, digests: ReadonlyMap<string, string>) => string
  before(async () => {
    ;({ pinnedFiles, imagesOf, registryOf, indexDigest, withDigests } = await import(`${root}scripts/pin-images.mjs`))
  })

  it('of images are digests, in docker-compose.yml and Dockerfile', () => {
    const images = pinnedFiles.flatMap((file) => imagesOf(read(file)))
    assert.equal(images.length, 7)
    for (const { name, tag, digest } of images) assert.match(digest ?? '', /^sha256:[0-9a-f]{64}$/, `${name}:${tag}`)
    const lines = pinnedFiles.flatMap((file) => read(file).match(/^(?: *image: |FROM ).*$/gm) ?? [])
    const others = lines.filter((line) => imagesOf(line).length === 0)
    assert.deepEqual(others, ['  image: aftersend'])
  })

  it('of images have a stand-in each, for where none can be pulled', async () => {
    const { hasStandIn } = await import(`${root}scripts/compose/stand-ins.mjs`)
    const names = pinnedFiles.flatMap((file) => imagesOf(read(file))).map(({ name }) => name)
    assert.deepEqual(
      names.filter((name) => !hasStandIn(name)),
      [],
    )
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

  it('of images are asked for at the registry of their name', () => {
    assert.deepEqual(registryOf('node'), { origin: 'https://registry-1.docker.io', repository: 'library/node' })
    assert.deepEqual(registryOf('a/b'), { origin: 'https://registry-1.docker.io', repository: 'a/b' })
    assert.deepEqual(registryOf('gcr.io/a/b'), { origin: 'https://gcr.io', repository: 'a/b' })
  })

  it('of images are read with the token that the registry’s challenge names, and without one where it asks for none', async () => {
    const registry = createServer(({ url = '', headers }, response) => {
      const { host } = headers
      if (url === '/token?service=here&scope=repository%3Aa%2Fb%3Apull') response.end('{"token":"for-a-b"}')
      else if (url === '/v2/a/b/manifests/gone') response.writeHead(404).end()
      else if (url === '/v2/open/manifests/1' || headers.authorization === 'Bearer for-a-b')
        response.writeHead(200, { 'docker-content-digest': digest('7') }).end()
      else {
        const challenge = `Bearer realm="http://${host}/token",service="here",scope="repository:a/b:pull"`
        response.writeHead(401, { 'www-authenticate': challenge }).end()
      }
    })
    await once(registry.listen(0, '127.0.0.1'), 'listening')
    try {
      const origin = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`
      assert.equal(await indexDigest('a/b', '1', { origin, repository: 'a/b' }), digest('7'))
      assert.equal(await indexDigest('open', '1', { origin, repository: 'open' }), digest('7'))
      assert.equal(await indexDigest('a/b', 'gone', { origin, repository: 'a/b' }), null)
    } finally {
      registry.close()
    }
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
