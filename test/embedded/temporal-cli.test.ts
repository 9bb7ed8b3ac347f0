import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { delimiter, dirname, join } from 'node:path'
import { findTemporalCli } from '../../src/embedded/temporal-cli.ts'
import { downloadArchive } from '../../src/embedded/temporal-download.ts'
import { ConfigurationError } from '../../src/errors.ts'
import { temporaryFolder } from '../stack.ts'

async function writeProgram(path: string, output = 'temporal version 1.9.1 (Server 1.32.0)'): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho '${output}'\n`, { mode: 0o755 })
  return path
}

async function machine() {
  const folder = await temporaryFolder()
  const dataDir = join(folder, 'data')
  const cacheDir = join(folder, 'cache')
  const searchPath = ['relative', join(folder, 'first'), join(folder, 'second')].join(delimiter)
  const reported: string[] = []
  const find = (path: string | null = null) =>
    findTemporalCli({ cli: { path, searchPath, cacheDir }, dataDir, report: (line) => reported.push(line) })
  return { folder, dataDir, cacheDir, reported, find }
}

describe('findTemporalCli', () => {
  it('looks at TEMPORAL_CLI_PATH, PATH, DATA_DIR and the cache, in this order, and reports which it uses', async () => {
    const { folder, dataDir, cacheDir, reported, find } = await machine()
    const cached = await writeProgram(join(cacheDir, 'temporal-1.9.1', 'temporal'))
    assert.equal(await find(), cached)
    const inDataDir = await writeProgram(join(dataDir, 'bin', 'temporal'))
    assert.equal(await find(), inDataDir)
    const onPath = await writeProgram(join(folder, 'second', 'temporal'))
    assert.equal(await find(), onPath)
    const named = await writeProgram(join(folder, 'named'))
    assert.equal(await find(named), named)
    assert.deepEqual(
      reported.map((line) => line.split(' using ')[1]),
      [
        `${cached} (downloaded earlier)`,
        `${inDataDir} (downloaded earlier)`,
        `${onPath} (PATH)`,
        `${named} (TEMPORAL_CLI_PATH)`,
      ],
    )
  })

  it('skips folders and other programs of the same name on PATH', async () => {
    const { folder, cacheDir, find } = await machine()
    await mkdir(join(folder, 'first', 'temporal'), { recursive: true })
    await writeProgram(join(folder, 'second', 'temporal'), 'something else')
    const cached = await writeProgram(join(cacheDir, 'temporal-1.9.1', 'temporal'))
    assert.equal(await find(), cached)
  })

  it('is downloaded once, from the release with the expected SHA-256', async () => {
    const { folder, dataDir, cacheDir, reported } = await machine()
    await writeProgram(join(folder, 'release', 'temporal'))
    execFileSync('tar', ['-czf', join(folder, 'release.tar.gz'), '-C', join(folder, 'release'), 'temporal'])
    const bytes = await readFile(join(folder, 'release.tar.gz'))
    const server = createServer((_, response) => response.end(bytes)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/temporal.tar.gz`
    const find = (sha256: string) =>
      findTemporalCli({
        ...{ cli: { path: null, searchPath: '', cacheDir }, dataDir, report: (line) => reported.push(line) },
        archive: { url, sha256, program: 'temporal' },
      })
    try {
      const expected = createHash('sha256').update(bytes).digest('hex')
      assert.equal(await find(expected), join(cacheDir, 'temporal-1.9.1', 'temporal'))
      assert.ok(reported.some((line) => line.includes(url)))
    } finally {
      server.close()
    }
  })

  it('is not unpacked with another SHA-256', async () => {
    const folder = await temporaryFolder()
    const server = createServer((_, response) => response.end('something else')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/temporal.tar.gz`
    try {
      await assert.rejects(downloadArchive({ url, sha256: 'a'.repeat(64), program: 'temporal' }, folder), /SHA-256/)
      assert.deepEqual(await readdir(folder), [])
    } finally {
      server.close()
    }
  })

  it('fails when TEMPORAL_CLI_PATH names no program', async () => {
    const { find } = await machine()
    await assert.rejects(find('/nowhere/temporal'), ConfigurationError)
  })
})
