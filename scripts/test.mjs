/** Runs the tests on whatever checkout this is: `npm test`, or `npm test -- test/domain` for some. */
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { prepare } from './prepare.mjs'
import { root } from './root.mjs'

// No .env here: what it names may be somebody's real database.
await prepare()
const given = process.argv.slice(2).map((argument) => (isFolder(argument) ? `${argument}/**/*.test.ts` : argument))
const isNamed = given.some((argument) => !argument.startsWith('-') && argument.endsWith('.ts'))
const mocha = spawn(
  process.execPath,
  [`${root}node_modules/mocha/bin/mocha.js`, ...given, ...(isNamed ? [] : ['test/**/*.test.ts'])],
  { cwd: root, stdio: 'inherit' },
)
// Ctrl-C reaches mocha by itself; it stops its servers and then ends, and so do we.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => mocha.kill('SIGTERM'))
mocha.on('exit', (code) => process.exit(code ?? 1))

function isFolder(argument) {
  const path = `${root}${argument}`
  return !argument.startsWith('-') && existsSync(path) && statSync(path).isDirectory()
}
