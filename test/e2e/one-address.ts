/** One address for several APIs: what stands in front of them in production. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { anyFreePort } from '../../src/embedded/free-port.ts'
import { temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

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
    .replace('/dev/stdout', `${folder}/access.log`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((it) => `${it}_temp_path ${folder}/${it};`)
  const configuration = `
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http { ${temporary.join(' ')} upstream apis { ${servers} } ${proxy} }`
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
