/** A real browser for tests: Debian's chromium, installed if possible. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const executablePath = '/usr/bin/chromium'

/** No requests of its own, and no screen. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** @returns null, and logs why, if there is no browser and none can be installed. @throws instead if CI is set. */
export async function startBrowser(): Promise<Browser | null> {
  const missing = existsSync(executablePath) ? null : install()
  if (missing === null) return chromium.launch({ executablePath, args: flags })
  if (process.env['CI']) throw new Error(missing)
  console.log(`skipped: ${missing}`)
  return null
}

/** @returns why it failed; null on success. */
function install(): string | null {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return `${executablePath} does not exist, and only root can install it: apt-get install chromium`
  }
  console.log('Installing chromium with apt-get (once, a minute or two) …')
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore', timeout: 120_000 })
    const packages = ['install', '-qq', '--yes', '--no-install-recommends', 'chromium']
    execFileSync('apt-get', packages, { env, stdio: 'ignore', timeout: 300_000 })
    return existsSync(executablePath) ? null : `apt-get installed chromium, but not at ${executablePath}`
  } catch {
    return 'chromium is not installed, and apt-get could not install it'
  }
}
