/** `npm run simulate`: the same as `aftersend simulate`. */
import { runMain } from './run-main.ts'

await runMain(['simulate', ...process.argv.slice(2)])
