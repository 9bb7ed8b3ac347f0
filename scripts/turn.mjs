/** Takes turns among commands that are started in one clone at the same moment. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from './root.mjs'

/** Outside the clone: `npm ci` empties node_modules, and a clone has no other place that git does not look at. */
const clone = createHash('sha256').update(root).digest('hex').slice(0, 16)
const lock = join(tmpdir(), `aftersend-${process.getuid?.() ?? 'user'}-${clone}.lock`)
const pidFile = join(lock, 'pid')

/** A lock without a pid is one that is just being taken, unless it stays so for longer than this. */
const takingMs = 5_000

/** Runs `work` when nobody else of this user runs theirs in this clone; a lock that a killed process left is taken over. */
export async function inTurn(say, work) {
  let isTold = false
  while (!take()) {
    if (removeIfLeft()) continue
    if (!isTold) say(`Another command prepares this clone (pid ${holder() ?? 'unknown'}): waiting for it …`)
    isTold = true
    await sleep(200)
  }
  try {
    return await work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

function take() {
  try {
    mkdirSync(lock)
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
  writeFileSync(pidFile, String(process.pid))
  return true
}

function holder() {
  try {
    return Number(readFileSync(pidFile, 'utf8')) || null
  } catch {
    return null
  }
}

/** Whether there is none any more, so that it is worth trying again at once. */
function removeIfLeft() {
  if (!isLeft()) return false
  const aside = `${lock}.${process.pid}`
  try {
    renameSync(lock, aside)
  } catch (error) {
    // Whoever else waits was faster.
    if (error.code === 'ENOENT') return true
    throw error
  }
  rmSync(aside, { recursive: true, force: true })
  return true
}

function isLeft() {
  const pid = holder()
  if (pid !== null) return !isAlive(pid)
  const takenAt = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
  return takenAt !== undefined && Date.now() - takenAt > takingMs
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
