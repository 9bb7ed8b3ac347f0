/** The production build: JavaScript in dist/, with the workflow code bundled ahead so that a worker starts at once. */
import { spawnSync } from 'node:child_process'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { prepare } from './prepare.mjs'
import { root } from './root.mjs'

await prepare()
rmSync(`${root}dist`, { recursive: true, force: true })
const tsc = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

// What the browser gets stands beside the pages' code, and is sent as it is.
cpSync(`${root}src/dashboard/client`, `${root}dist/dashboard/client`, { recursive: true })

// Not before the dependencies are there.
const { bundleWorkflowCode } = await import('@temporalio/worker')
const { code } = await bundleWorkflowCode({
  workflowsPath: `${root}src/workflows/index.ts`,
  logger: { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error },
})
writeFileSync(`${root}dist/workflow-bundle.js`, code)
console.log('Built into dist/; start it with `node dist/main.js`.')
