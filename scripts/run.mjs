/** `node scripts/run.mjs src/main.ts [arguments]`, for the commands in package.json. */
import { runSource } from './run-source.mjs'

const [, , entry, ...args] = process.argv
if (!entry) {
  console.error('usage: node scripts/run.mjs FILE.ts [arguments]')
  process.exit(2)
}
await runSource(entry, args)
