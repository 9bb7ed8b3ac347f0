import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { ConfigurationError } from '../../src/errors.ts'
import { findTemporalCli } from '../../src/local/temporal-cli.ts'
import { temporaryFolder } from './temporary-folder.ts'

async function standIn(path: string, words = 'temporal version 1.9.1 (Server 1.32.0)'): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho '${words}'\n`, { mode: 0o755 })
  return path
}

async function machine() {
  const folder = await temporaryFolder()
  const dataDir = join(folder, 'data')
  const cacheDir = join(folder, 'cache')
  const searchPath = ['relative', join(folder, 'first'), join(folder, 'second')].join(delimiter)
  const said: string[] = []
  const find = (path: string | null = null) =>
    findTemporalCli({ cli: { path, searchPath, cacheDir }, dataDir, say: (line) => said.push(line) })
  return { folder, dataDir, cacheDir, said, find }
}

describe('findTemporalCli', () => {
  it('looks at TEMPORAL_CLI_PATH, PATH, DATA_DIR and the cache, in this order, and says which it uses', async () => {
    const { folder, dataDir, cacheDir, said, find } = await machine()
    const cached = await standIn(join(cacheDir, 'temporal-1.9.1', 'temporal'))
    assert.equal(await find(), cached)
    const inDataDir = await standIn(join(dataDir, 'bin', 'temporal'))
    assert.equal(await find(), inDataDir)
    const onPath = await standIn(join(folder, 'second', 'temporal'))
    assert.equal(await find(), onPath)
    const named = await standIn(join(folder, 'named'))
    assert.equal(await find(named), named)
    assert.deepEqual(
      said.map((line) => line.split(' using ')[1]),
      [
        `${cached} (fetched earlier)`,
        `${inDataDir} (fetched earlier)`,
        `${onPath} (PATH)`,
        `${named} (TEMPORAL_CLI_PATH)`,
      ],
    )
  })

  it('passes over folders and other programs of the same name on PATH', async () => {
    const { folder, cacheDir, find } = await machine()
    await mkdir(join(folder, 'first', 'temporal'), { recursive: true })
    await standIn(join(folder, 'second', 'temporal'), 'something else')
    const cached = await standIn(join(cacheDir, 'temporal-1.9.1', 'temporal'))
    assert.equal(await find(), cached)
  })

  it('says so when TEMPORAL_CLI_PATH names no program', async () => {
    const { find } = await machine()
    await assert.rejects(find('/nowhere/temporal'), ConfigurationError)
  })
})
