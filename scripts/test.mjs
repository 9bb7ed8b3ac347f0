/** Runs the tests on whatever checkout this is: `npm test`, or `npm test -- test/domain` for some. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { prepare } from './prepare.mjs'
import { root } from './root.mjs'

// No .env here: what it names may be somebody's real database.
await prepare()
/** Three files at once on two cores: a part of a run is waiting, for processes, outages and deadlines. With four, two of three runs failed on their timing. */
const parallel = ['--parallel', '--jobs', '3']
/** For the inner loop: pure code, statements and workflows, in less than a minute. What takes more than some seconds is left to `npm test`. */
const quick = ['domain', 'providers', 'db', 'inbox', 'activities', 'workflows']
const slow = [
  'db/{analytics,event-month*,migrate,migration-record,plans,recipient-domains,refusals,settled-engagements}',
  'inbox/{backlog,crash,outage}',
  'activities/{judge-engagements,roll-up-activities}',
  'workflows/{continue-as-new,escalation,incidents,overdue-emails,refusals}',
  'worker-supervisor',
]
const specs = process.argv.includes('--quick')
  ? [`test/{${quick.join(',')}}/*.test.ts`, 'test/*.test.ts', ...slow.map((file) => `--ignore=test/${file}.test.ts`)]
  : allFiles()
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

/**
 * The model check first: once other files have made async hooks slow down each promise of a process, it takes five times as long. Those that
 * wait most are spread among the others, the longest first, so that at any time some compute and none runs alone at the end.
 */
function allFiles() {
  const names = readdirSync(`${root}test`, { recursive: true }).map((name) => `test/${name.replaceAll('\\', '/')}`)
  const files = names.filter((name) => name.endsWith('.test.ts')).sort()
  const of = (folders) => folders.flatMap((folder) => files.filter((file) => file.startsWith(`test/${folder}/`)))
  const [first, waiting] = [of(['model']), of(['e2e', 'browser', 'faults', 'embedded'])]
  const others = files.filter((file) => !first.includes(file) && !waiting.includes(file))
  return [...first, ...others.flatMap((file, n) => [...(n % 5 === 0 ? waiting.splice(0, 1) : []), file]), ...waiting]
}

function isFolder(argument) {
  const path = `${root}${argument}`
  return !argument.startsWith('-') && existsSync(path) && statSync(path).isDirectory()
}
