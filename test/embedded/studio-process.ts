import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { builtProgram } from '../stack.ts'

const started: ChildProcess[] = []

/** Sets only PATH and DATA_DIR: the environment of the machine may name a database that is in use. */
export async function startStudio(dataDir: string, args: readonly string[] = []) {
  const program = await builtProgram('cli/main.ts')
  const env = { PATH: process.env['PATH'], DATA_DIR: dataDir }
  const studio = spawn(process.execPath, [program, 'studio', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(studio)
  let output = ''
  for (const stream of [studio.stdout, studio.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  return { studio, ended: once(studio, 'close'), output: () => output }
}

/** Stops the processes that failed tests left. Each stops its own child. */
export const stopStudios = (): void => {
  for (const studio of started.splice(0)) studio.kill('SIGTERM')
}
