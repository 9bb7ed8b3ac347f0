/**
 * Runs one of our TypeScript files: `node scripts/run.mjs src/main.ts [arguments]`. In this very process, so that its
 * signals and its exit code are the file's own.
 */
import { pathToFileURL } from 'node:url'
import { loadEnvFile, prepare } from './prepare.mjs'
import { root } from './root.mjs'

const [, , entry, ...rest] = process.argv
if (!entry) {
  console.error('usage: node scripts/run.mjs FILE.ts [arguments]')
  process.exit(2)
}
await prepare()
loadEnvFile()
const { register } = await import('tsx/esm/api')
register()
process.argv = [process.argv[0], `${root}${entry}`, ...rest]
await import(pathToFileURL(`${root}${entry}`).href)
