import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { composition, importsOf, roomOf, rooms, roomsAsMarkdown, root, sourceFiles } from './rooms.ts'

describe('the rooms of src', () => {
  const files = sourceFiles()
  const arrows = files.flatMap((from) => importsOf(from).map((to) => ({ from, to })))

  it('import one another only along the arrows of the table', () => {
    const forbidden = arrows.filter(({ from, to }) => {
      const [room, target] = [roomOf(from), roomOf(to)]
      const allowed = rooms[room]?.imports
      return room !== target && to.startsWith('src/') && allowed !== undefined && !allowed.includes(target)
    })
    assert.ok(arrows.length > 1_000, `${arrows.length} imports were read`)
    assert.deepEqual(forbidden, [])
  })

  it('use every arrow of the table', () => {
    const used = new Set(arrows.map(({ from, to }) => `${roomOf(from)} → ${roomOf(to)}`))
    const listed = Object.entries(rooms).flatMap(([room, { imports }]) => imports.map((to) => `${room} → ${to}`))
    assert.deepEqual(
      listed.filter((arrow) => !used.has(arrow)),
      [],
    )
  })

  it('are ordered so that each imports only rooms above it', () => {
    const names = Object.keys(rooms)
    for (const [index, name] of names.entries()) {
      assert.deepEqual(
        rooms[name]?.imports.filter((other) => names.indexOf(other) >= index),
        [],
        name,
      )
    }
  })

  it('are all in the table', () => {
    const folders = new Set(files.filter((path) => path.split('/').length > 2).map(roomOf))
    assert.deepEqual(
      [...folders].filter((folder) => !(folder in rooms) && folder !== composition.folder),
      [],
    )
    for (const name of Object.keys(rooms))
      assert.ok(existsSync(`${root}src/${name}`) || existsSync(`${root}src/${name}.ts`), name)
  })

  it('have no circular imports', () => {
    const targets = new Map(files.map((path) => [path, importsOf(path)]))
    const [open, done] = [new Set<string>(), new Set<string>()]
    const circlesFrom = (path: string): string[] => {
      if (open.has(path)) return [[...open, path].join(' → ')]
      if (done.has(path)) return []
      open.add(path)
      const found = (targets.get(path) ?? []).flatMap(circlesFrom)
      open.delete(path)
      done.add(path)
      return found
    }
    assert.deepEqual(files.flatMap(circlesFrom), [])
  })

  it('have no file over 250 lines', () => {
    const long = files.map((path) => [path, readFileSync(root + path, 'utf8').split('\n').length - 1] as const)
    assert.deepEqual(
      long.filter(([, lines]) => lines > 250),
      [],
    )
  })

  it('are printed in CONTRIBUTING.md', () => {
    assert.ok(readFileSync(`${root}CONTRIBUTING.md`, 'utf8').includes(roomsAsMarkdown()))
  })
})
