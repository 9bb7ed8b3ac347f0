/** Runs a command line with the environment and the streams of this process. */
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ConfigurationError } from '../errors.ts'
import { exitCodes } from './command-context.ts'
import { runCommandLine } from './program.ts'
import { withDataDir } from './target.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Sets the exit code of the process. */
export async function runMain(args: readonly string[]): Promise<void> {
  const stop = new AbortController()
  // `up` handles signals itself; all other commands end at once.
  if (['tail', 'status', 'listen'].includes(args[0] ?? '')) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  }
  const env = environment()
  if (!env) return
  process.exitCode = await runCommandLine(
    args,
    {
      env,
      print: console.log,
      output: process.stdout,
      progress: process.stderr,
      stdin: process.stdin,
      signal: stop.signal,
    },
    console.error,
  )
}

/** Undefined if the folder that it would name is not safe; the user is told. */
function environment() {
  try {
    return withDataDir(process.env, process.cwd(), root, (path) => statSync(path, { throwIfNoEntry: false }))
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    console.error(error.message)
    process.exitCode = exitCodes.failed
    return
  }
}
