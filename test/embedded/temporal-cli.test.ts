import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { findTemporalCli } from '../../src/embedded/temporal-cli.ts'
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

  it('fails when TEMPORAL_CLI_PATH names no program', async () => {
    const { find } = await machine()
    await assert.rejects(find('/nowhere/temporal'), ConfigurationError)
  })
})
