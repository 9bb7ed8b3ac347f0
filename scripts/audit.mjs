/**
 * `npm run audit`: fails on a known vulnerability, high or critical, of what is shipped, and on every answer of the registry that is no
 * list. Only a registry that keeps no list, and one that cannot be reached, are no failure: that is said.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { root } from './root.mjs'

/** What `npm audit --json` came to: whether it fails us, and a line to say. */
export function verdictOf(text) {
  const report = parsed(text)
  const counts = report?.metadata?.vulnerabilities
  if (!counts) {
    const why = report?.message ?? 'it answered nothing that can be read'
    return keepsNoList.includes(report?.statusCode) || isUnreachable.test(report?.error?.code ?? '')
      ? {
          fails: false,
          line: `Audit: NOT CHECKED, the registry has no list of vulnerabilities, or is not there (${why}).`,
        }
      : { fails: true, line: `Audit: the registry gave no list of vulnerabilities (${why}).` }
  }
  const severe = counts.high + counts.critical
  if (severe === 0)
    return { fails: false, line: 'Audit: no high or critical vulnerability is known of what is shipped.' }
  const names = Object.entries(report.vulnerabilities ?? {})
    .filter(([, { severity }]) => severity === 'high' || severity === 'critical')
    .map(([name, { severity }]) => `${name} (${severity})`)
  return { fails: true, line: `Audit: ${severe} high or critical: ${names.join(', ')}. See \`npm audit\`.` }
}

/** Of mirrors without npm's own addresses. */
const keepsNoList = [404, 405, 501]
const isUnreachable = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH)$/

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  })
  const { fails, line } = verdictOf(stdout)
  console.log(line)
  process.exit(fails ? 1 : 0)
}
