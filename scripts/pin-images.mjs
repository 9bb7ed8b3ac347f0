/**
 * `node scripts/pin-images.mjs`: pins the images of docker-compose.yml and Dockerfile to the digests that their registries have for the tags now.
 * With `--check` it changes nothing, and fails for an image without a digest, or with one that the registry does not have. A digest that is
 * no longer the tag's is reported only: the tag moved on. Needs the registry, so .ci/run leaves it out and a release runs it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { root } from './root.mjs'

export const pinnedFiles = ['docker-compose.yml', 'Dockerfile']

/** What stands for an image elsewhere is a stage of the Dockerfile, or built from it. */
const imageLine = /^(?: *image: |FROM )([a-z0-9./-]+):([\w.-]+)(?:@(sha256:[0-9a-f]{64}))?(?= |$)/gm

/** @returns the images of a file, each once: name, tag, and digest if it has one. */
export function imagesOf(text) {
  const found = [...text.matchAll(imageLine)].map(([, name, tag, digest]) => ({ name, tag, digest }))
  return found.filter(
    (image, index) =>
      found.findIndex((other) => `${image.name}:${image.tag}` === `${other.name}:${other.tag}`) === index,
  )
}

/** @returns the text with each image at the digest that `digests` has for its `name:tag`. */
export const withDigests = (text, digests) =>
  text.replace(imageLine, (line, name, tag) => `${line.replace(/@sha256:.*$/, '')}@${digests.get(`${name}:${tag}`)}`)

const indexTypes = 'application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json'

/** @returns the registry of an image, and its name there: Docker Hub's, unless the name begins with another host. */
export function registryOf(name) {
  const [host, ...path] = name.split('/')
  if (host.includes('.')) return { origin: `https://${host}`, repository: path.join('/') }
  return { origin: 'https://registry-1.docker.io', repository: path.length > 0 ? name : `library/${name}` }
}

/** @returns the digest of the index of a tag or digest; null if its registry has none. */
export async function indexDigest(name, reference, { origin, repository } = registryOf(name)) {
  const ask = (headers = {}) =>
    fetch(`${origin}/v2/${repository}/manifests/${reference}`, {
      method: 'HEAD',
      headers: { accept: indexTypes, ...headers },
    })
  const first = await ask()
  const response = first.status === 401 ? await ask({ authorization: `Bearer ${await anonymousToken(first)}` }) : first
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`${origin} answers ${response.status} for ${name}:${reference}.`)
  return response.headers.get('docker-content-digest')
}

/** As the registry's challenge says: https://distribution.github.io/distribution/spec/auth/token/ */
async function anonymousToken(response) {
  const challenge = response.headers.get('www-authenticate') ?? ''
  const parameters = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
  )
  const { realm, ...rest } = parameters
  if (!realm) throw new Error(`${response.url} asks for credentials, and names no place to get a token.`)
  const answer = await fetch(`${realm}?${new URLSearchParams(rest)}`)
  const { token, access_token } = await answer.json()
  return token ?? access_token
}

async function pin() {
  for (const file of pinnedFiles) {
    const text = readFileSync(`${root}${file}`, 'utf8')
    const digests = new Map()
    for (const { name, tag } of imagesOf(text)) {
      const digest = await indexDigest(name, tag)
      if (digest === null) throw new Error(`Its registry has no ${name}:${tag}.`)
      digests.set(`${name}:${tag}`, digest)
    }
    writeFileSync(`${root}${file}`, withDigests(text, digests))
  }
}

async function check() {
  for (const { name, tag, digest } of pinnedFiles.flatMap((file) => imagesOf(readFileSync(`${root}${file}`, 'utf8')))) {
    if (digest === undefined) throw new Error(`${name}:${tag} is not pinned: run node scripts/pin-images.mjs.`)
    if ((await indexDigest(name, digest)) === null) throw new Error(`Its registry has no ${name}@${digest}.`)
    const current = await indexDigest(name, tag)
    console.log(
      `${name}:${tag} ${current === digest ? 'is pinned' : `is pinned to ${digest}; the tag has moved to ${current}`}`,
    )
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await (process.argv[2] === '--check' ? check() : pin())
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}
