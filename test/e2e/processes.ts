/** Our own processes, as they run in production: one role each, on servers that are named. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { anyFreePort } from '../../src/local/free-port.ts'
import { temporaryFolder } from '../stack.ts'
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

export interface OneAddress {
  readonly url: string
  close(): Promise<void>
}

/**
 * One address for several APIs: by docker-compose.yml's own proxy where nginx is installed, else by a balancer of the test's
 * own, a connection to each in turn.
 */
export const oneAddressFor = (ports: readonly number[]): Promise<OneAddress> =>
  spawnSync('nginx', ['-v']).status === 0 ? nginxFor(ports) : balancerFor(ports)

async function nginxFor(ports: readonly number[]): Promise<OneAddress> {
  const folder = await temporaryFolder()
  const port = await anyFreePort()
  const servers = ports.map((it) => `server 127.0.0.1:${it};`).join(' ')
  const proxy = readFileSync(`${root}docker/proxy.conf`, 'utf8')
    .replace('listen 8080;', `listen 127.0.0.1:${port};`)
    .replace('set $api api:3000;', 'set $api apis;')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((it) => `${it}_temp_path ${folder}/${it};`)
  const configuration = `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http { access_log off; ${temporary.join(' ')} upstream apis { ${servers} } ${proxy} }`
  writeFileSync(`${folder}/nginx.conf`, configuration)
  const nginx = spawn('nginx', ['-c', `${folder}/nginx.conf`], { stdio: 'ignore' })
  const exited = once(nginx, 'exit')
  const url = `http://127.0.0.1:${port}`
  await until(() =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  return {
    url,
    async close() {
      nginx.kill('SIGTERM')
      await exited
    },
  }
}

async function balancerFor(ports: readonly number[]): Promise<OneAddress> {
  console.log('nginx is not installed: a balancer of the test stands in for docker/proxy.conf')
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
  return { url: `http://127.0.0.1:${port}`, close: async () => void server.close() }
}
