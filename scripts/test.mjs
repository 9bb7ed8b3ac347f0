/** Runs the tests on whatever checkout this is: `npm test`, or `npm test -- test/domain/*.test.ts` for some. */
import { spawnSync } from 'node:child_process'
import { prepare, root } from './prepare.mjs'

prepare()
const mocha = `${root}node_modules/mocha/bin/mocha.js`
const given = process.argv.slice(2)
const named = given.some((argument) => argument.endsWith('.ts'))
const run = spawnSync(process.execPath, [mocha, ...given, ...(named ? [] : ['test/**/*.test.ts'])], {
  cwd: root,
  stdio: 'inherit',
})
process.exit(run.status ?? 1)
