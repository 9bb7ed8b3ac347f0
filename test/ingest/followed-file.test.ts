import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { followFile, type Place } from '../../src/ingest/followed-file.ts'
import { until } from '../until.ts'

describe('a log that is followed', () => {
  let folder: string
  let path: string
  let stop: AbortController
  let found: string[]
  let place: Place | null

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'followed-'))
    path = join(folder, 'mail.log')
    stop = new AbortController()
    ;[found, place] = [[], null]
    await writeFile(path, 'one\ntwo\n')
  })
  afterEach(async () => {
    stop.abort()
    await rm(folder, { recursive: true })
  })

  async function read(isFollowed: boolean): Promise<void> {
    for await (const group of followFile(path, { from: place, isFollowed, signal: stop.signal })) {
      found.push(...group.lines)
      place = group.place
    }
  }
  const untilFound = (...lines: string[]) => until(async () => found.join() === lines.join())

  it('is read to its last complete line', async () => {
    await appendFile(path, 'thr')
    await read(false)
    assert.deepEqual(found, ['one', 'two'])
    await appendFile(path, 'ee\n')
    await read(false)
    assert.deepEqual(found, ['one', 'two', 'three'])
  })

  it('brings what is appended, and after a rotation the rest of the old file before the new one', async () => {
    const reading = read(true)
    await untilFound('one', 'two')
    await appendFile(path, 'three\n')
    await untilFound('one', 'two', 'three')
    await rename(path, `${path}.1`)
    await appendFile(`${path}.1`, 'four\n')
    await writeFile(path, 'five\n')
    await untilFound('one', 'two', 'three', 'four', 'five')
    stop.abort()
    await reading
  })

  it('has each line once, whatever is appended in the moment in which a rotation is looked for', async () => {
    const reading = read(true)
    const appended = Array.from({ length: 6_000 }, (_, n) => `line ${n}`)
    for (const line of appended) await appendFile(path, `${line}\n`)
    await until(async () => found.length >= appended.length + 2)
    assert.deepEqual(found, ['one', 'two', ...appended])
    stop.abort()
    await reading
  })

  it('is read on from its place, also when it was rotated meanwhile', async () => {
    await read(false)
    await appendFile(path, 'three\n')
    await rename(path, `${path}.1`)
    await writeFile(path, 'four\n')
    await read(false)
    assert.deepEqual(found, ['one', 'two', 'three', 'four'])
  })

  it('is read from its beginning when it was emptied', async () => {
    await read(false)
    await truncate(path)
    await appendFile(path, 'new\n')
    await read(false)
    assert.deepEqual(found, ['one', 'two', 'new'])
  })

  it('may have lines longer than what is read at once', async () => {
    await writeFile(path, `${'x'.repeat(600_000)}\nend\n`)
    await read(false)
    assert.deepEqual(
      found.map(({ length }) => length),
      [600_000, 3],
    )
  })
})
