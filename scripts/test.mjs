/** Runs the tests on whatever checkout this is: `npm test`, or `npm test -- test/domain` for some. */
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { prepare } from './prepare.mjs'
import { root } from './root.mjs'

// No .env here: what it names may be somebody's real database.
await prepare()
/**
 * Three files at once on two cores: most of what takes long waits for processes. The longest go first; the model check before any
 * other has made async hooks slow down each promise of its process (14 seconds, else 67).
 */
const longest = ['model', 'e2e', 'faults']
const all = [...longest, `!(${longest.join('|')})`].map((folder) => `test/${folder}/**/*.test.ts`)
/** For the inner loop: pure code, statements and workflows, in less than a minute. What takes more than some seconds is left to `npm test`. */
const quick = ['domain', 'providers', 'db', 'inbox', 'activities', 'workflows']
const slow = [
  'db/{analytics,event-month*,migrate,migration-record,plans,recipient-domains,refusals,settled-engagements}',
  'inbox/{backlog,crash,outage}',
  'activities/{judge-engagements,roll-up-activities}',
  'workflows/{continue-as-new,escalation,incidents,overdue-emails,refusals}',
  'worker-supervisor',
]
const parallel = ['--parallel', '--jobs', '2']
const specs = process.argv.includes('--quick')
  ? [`test/{${quick.join(',')}}/*.test.ts`, 'test/*.test.ts', ...slow.map((file) => `--ignore=test/${file}.test.ts`)]
  : [...all, 'test/*.test.ts']
const given = process.argv
  .slice(2)
  .filter((argument) => argument !== '--quick')
  .map((argument) => (isFolder(argument) ? `${argument}/**/*.test.ts` : argument))
const isNamed = given.some((argument) => !argument.startsWith('-') && argument.endsWith('.ts'))
const mocha = spawn(
  process.execPath,
  [`${root}node_modules/mocha/bin/mocha.js`, ...given, ...(isNamed ? [] : [...parallel, ...specs])],
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
