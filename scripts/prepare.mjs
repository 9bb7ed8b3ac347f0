/** What every command needs on a fresh clone: a Node that is new enough, the dependencies, the Prisma client. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { generatePrismaClient } from './generate.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = `${root}node_modules/.aftersend-stamp`

/** Installs and generates where needed, loads .env, and leaves with a plain word where it cannot. */
export function prepare() {
  try {
    requireNode(20, 19)
    installDependencies()
    generatePrismaClient()
    if (existsSync(`${root}.env`)) process.loadEnvFile(`${root}.env`)
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number)
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return
  throw new Error(`Aftersend needs Node ${major}.${minor} or newer; this is ${process.version}.`)
}

/** Once per lockfile: `npm ci` leaves a stamp with the lockfile's fingerprint. */
function installDependencies() {
  const fingerprint = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return
  console.log('Installing dependencies (once, about 30 s) …')
  const startedAt = performance.now()
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const install = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: 'inherit' })
  if (install.status !== 0) throw new Error('npm ci failed; what it said is above.')
  writeFileSync(stamp, fingerprint)
  console.log(`Dependencies installed in ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`)
}
