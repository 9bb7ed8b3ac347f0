/** A command line in this process: with its environment, on its terminal, until Ctrl-C. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runCommandLine } from './program.ts'
import { withDataDir } from './target.ts'

const home = fileURLToPath(new URL('../../', import.meta.url))

/** Carries it out and sets the exit code. */
export async function runMain(args: readonly string[]): Promise<void> {
  const stop = new AbortController()
  // A server stops in an order of its own, and what is only asked may end at once.
  if (args[0] === 'tail' || args[0] === 'status') {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  }
  process.exitCode = await runCommandLine(
    args,
    {
      env: withDataDir(process.env, process.cwd(), home, existsSync),
      print: console.log,
      output: process.stdout,
      progress: process.stderr,
      stdin: process.stdin,
      signal: stop.signal,
    },
    console.error,
  )
}
