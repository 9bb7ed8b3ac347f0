/** A fresh clone in a temporary folder, used as a user would: by npm commands. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What git has or would have: no node_modules, nothing generated, no data. */
export async function freshClone(): Promise<string> {
  const folder = await temporaryFolder()
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  const files = listed.toString().split('\0').filter(Boolean)
  const folders = new Set(files.map((file) => dirname(file)))
  await Promise.all(
    [...folders].map((path) => cp(join(root, path), join(folder, path), { filter: () => false, recursive: true })),
  )
  await Promise.all(files.map((file) => cp(join(root, file), join(folder, file))))
  return folder
}

/**
 * An `npm` whose `ci` links the dependencies of this checkout, instead of fetching and unpacking them again. `.ci/run` installs a clean
 * checkout by the same code, from the registry.
 */
export async function linkingNpm(): Promise<{ env: NodeJS.ProcessEnv; installs(): string[] }> {
  const folder = await temporaryFolder()
  const log = join(folder, 'installs')
  const npm = execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim()
  const modules = join(root, 'node_modules')
  const script = `#!/bin/sh
[ "$1" = ci ] || exec '${npm}' "$@"
echo "$@" >> '${log}'
# Another file system has no links to this one.
cp -al '${modules}' . 2> /dev/null || { rm -rf node_modules && cp -a '${modules}' .; }
# It is written in place, and the link is to that of this checkout.
rm -f node_modules/.aftersend-stamp
`
  writeFileSync(log, '')
  writeFileSync(join(folder, 'npm'), script, { mode: 0o755 })
  return {
    env: { PATH: `${folder}${delimiter}${process.env['PATH']}` },
    installs: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
  }
}

/** A command that runs in a process group of its own, with everything that it says. */
export class Command {
  output = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<number>

  /** @param isAlone whether `env` is the whole environment, rather than added to this process's. */
  constructor(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, { isAlone = false } = {}) {
    const whole = isAlone ? env : { ...process.env, ...env }
    this.#child = spawn('npm', args, { cwd: folder, detached: true, env: whole })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.output += text
      })
    }
    this.#exit = once(this.#child, 'close').then(([code, signal]) => code ?? `${signal}`)
  }

  /** The exit code. */
  exit = (): Promise<number> => this.#exit

  /** Waits until it has said so; fails with all that it said if it exits before. */
  async says(words: RegExp, withinMs: number): Promise<void> {
    let exited = false
    void this.#exit.then(() => {
      exited = true
    })
    await until(() => words.test(this.output) || exited, withinMs).catch(() => {})
    if (!words.test(this.output)) throw new Error(`it never said ${words}; it said:\n${this.output}`)
  }

  /** Sends a signal to the whole group, as Ctrl-C in a terminal does. */
  signal(signal: NodeJS.Signals): void {
    const isGone = this.#child.exitCode !== null || this.#child.signalCode !== null
    if (this.#child.pid !== undefined && !isGone) process.kill(-this.#child.pid, signal)
  }
}
