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
cpSync(`${root}src/dashboard/browser`, `${root}dist/dashboard/browser`, { recursive: true })

// Not before the dependencies are there.
const { bundleWorkflowCode } = await import('@temporalio/worker')
const logger = { log() {}, trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error }
const workflowsPath = `${root}src/workflows/index.ts`
// Evaluated once for all runs, as src/temporal/workflow-code.ts says.
const preloadModules = [workflowsPath]
// Traced ones are bundled apart, so that a worker without tracing carries none of it.
const tracedBy = [`${root}node_modules/@temporalio/interceptors-opentelemetry/lib/workflow-interceptors.js`]
for (const [file, workflowInterceptorModules] of [
  ['workflow-bundle.js', []],
  ['traced-workflow-bundle.js', tracedBy],
]) {
  const { code } = await bundleWorkflowCode({ workflowsPath, preloadModules, workflowInterceptorModules, logger })
  writeFileSync(`${root}dist/${file}`, code)
}
console.log('Built into dist/; start it with `node dist/main.js`.')
