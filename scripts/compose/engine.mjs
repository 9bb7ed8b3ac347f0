/** A container engine to build and run with: the one of this machine, or on Debian as root one that is started for this run. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * @param {string} folder where a started engine keeps its data, from run to run
 * @param {(line: string) => void} say
 * @returns the environment of `docker`, the command of Compose, and `stop`, which ends an engine that was started here.
 * @throws if there is no engine, and none may be started.
 */
export async function findEngine(folder, say) {
  const env = { ...process.env, DOCKER_BUILDKIT: process.env.DOCKER_BUILDKIT ?? (await hasBuildKit()) }
  if (await answers(env)) return { env, compose: composeCommand(), stop: async () => {} }
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version'))
    throw new Error('No container engine answers: start Docker, or set DOCKER_HOST.')
  if (!isProgram('dockerd') || !isProgram('docker-compose')) {
    say('Installing Docker of Debian …')
    await run('apt-get', ['update'])
    await run('apt-get', ['install', '--yes', 'docker.io', 'docker-compose', 'mmdebstrap'])
  }
  return start(folder, say)
}

async function start(folder, say) {
  const socket = `unix://${join(folder, 'docker.sock')}`
  const paths = [
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '-p',
    join(folder, 'docker.pid'),
  ]
  const log = openSync(join(folder, 'dockerd.log'), 'a')
  const engine = spawn('dockerd', [...paths, '-H', socket, '--storage-driver', 'overlay2'], {
    stdio: ['ignore', log, log],
    // Ctrl-C stops the test, which then stops the engine.
    detached: true,
  })
  const exited = new Promise((resolve) => engine.once('exit', resolve))
  const env = { ...process.env, DOCKER_HOST: socket, DOCKER_BUILDKIT: '0' }
  for (const deadline = Date.now() + 60_000; !(await answers(env)); ) {
    if (engine.exitCode !== null || Date.now() > deadline)
      throw new Error(`dockerd does not start: see ${join(folder, 'dockerd.log')}.`)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  say('Started a Docker engine.')
  const stop = async () => {
    engine.kill('SIGTERM')
    await exited
  }
  return { env, compose: composeCommand(), stop }
}

/** The builder of engines before 23 needs no plug-in. */
const hasBuildKit = async () => (isProgram('docker', 'buildx', 'version') ? '1' : '0')

const answers = (env) =>
  run('docker', ['version', '--format', '{{.Server.Version}}'], { env, timeout: 10_000 }).then(
    () => true,
    () => false,
  )

function composeCommand() {
  if (isProgram('docker', 'compose', 'version')) return ['docker', 'compose']
  if (isProgram('docker-compose', 'version')) return ['docker-compose']
  throw new Error('Neither `docker compose` nor `docker-compose` is installed.')
}

const isProgram = (command, ...args) =>
  spawnSync(command, args.length > 0 ? args : ['--version'], { stdio: 'ignore' }).status === 0
