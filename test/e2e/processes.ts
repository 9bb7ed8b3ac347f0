/** Our own processes, as they run in production: one role each, on servers that are named. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { anyFreePort } from '../../src/local/free-port.ts'
import { until } from '../until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** One of our entry files in a process of its own, with all that it says. */
export class OurProcess {
  output = ''
  readonly #child: ChildProcess
  readonly #exit: Promise<number>

  /** @param env all of its environment: what this machine has set is not the test's. */
  constructor(entry: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    const { PATH = '', HOME = '' } = process.env
    this.#child = spawn(process.execPath, ['--import', 'tsx', entry, ...args], {
      cwd: root,
      env: { PATH, HOME, ...env },
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        this.output += text
      })
    }
    this.#exit = once(this.#child, 'close').then(([code]) => code ?? -1)
  }

  exit = (): Promise<number> => this.#exit
  signal = (signal: NodeJS.Signals): boolean => this.#child.kill(signal)

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.signal('SIGTERM')
    await this.#exit
  }
}

/** One role on a port of its own, ready to work. */
export interface Role {
  readonly process: OurProcess
  readonly port: number
  /** What `/metrics` says now. */
  metrics(): Promise<string>
}

export async function startRole(role: 'api' | 'worker', env: Readonly<Record<string, string>>): Promise<Role> {
  const port = await anyFreePort()
  const portName = role === 'api' ? 'PORT' : 'WORKER_PORT'
  const running = new OurProcess('src/main.ts', [], { ...env, ROLE: role, [portName]: String(port) })
  const url = `http://127.0.0.1:${port}`
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  await until(isReady, 60_000).catch(() => {
    throw new Error(`the ${role} did not get ready; it said:\n${running.output}`)
  })
  return { process: running, port, metrics: async () => (await fetch(`${url}/metrics`)).text() }
}

/** One address for several ports, a connection to each in turn: what a load balancer in front does. */
export async function oneAddressFor(ports: readonly number[]): Promise<{ url: string; close(): void }> {
  let turn = 0
  const server = createServer((near) => {
    const far = connect(ports[turn++ % ports.length] ?? 0, '127.0.0.1')
    near.pipe(far).pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}
