/** `npx aftersend …`: one command line for everything. */
import { runMain } from './run-main.ts'

await runMain(process.argv.slice(2))
