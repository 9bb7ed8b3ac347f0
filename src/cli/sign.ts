/** `npm run sign`: the same as `aftersend sign`. */
import { runMain } from './run-main.ts'

await runMain(['sign', ...process.argv.slice(2)])
