/** A Compose project of one version of this repository, under a name of its own: nothing of a project that runs beside it is touched. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const project = 'aftersend-test'
const loadPackages = readFileSync(new URL('load-packages.mjs', import.meta.url), 'utf8')
const healthyWithinMs = 8 * 60_000

/**
 * @param {object} checkout
 * @param {string} checkout.source the folder of the version: a checkout
 * @param {string} checkout.version part of the image's tag
 * @param {boolean} checkout.usesStandIns stand-ins have no digests
 * @param {string} checkout.folder for the files that are made of it
 * @param {Record<string, string>} checkout.settings in place of .env
 * @param {import('./commands.mjs').Commands} commands
 */
export function composeProject({ source, version, usesStandIns, folder, settings }, { docker, compose }) {
  const image = `aftersend-test:${version}`
  const place = join(folder, version)
  const unpinned = (text) => (usesStandIns ? text.replaceAll(/@sha256:[0-9a-f]{64}/g, '') : text)
  mkdirSync(place, { recursive: true })
  const made = (name, edit) => {
    writeFileSync(join(place, name), edit(unpinned(readFileSync(join(source, name), 'utf8'))))
    return join(place, name)
  }
  const file = made('docker-compose.yml', (text) => text.replace(/^( *image: )aftersend$/m, `$1${image}`))
  const dockerfile = made('Dockerfile', (text) => text)
  const environment = join(place, 'env')
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(environment, lines.join(''), { mode: 0o600 })
  // One for all versions, as after `git pull`: what is mounted from elsewhere would be a reason to recreate PostgreSQL and Temporal too.
  const deployed = join(folder, 'deployed')
  const given = ['--project-name', project, '--project-directory', deployed, '--file', file, '--env-file', environment]
  const run = (...args) => compose(...given, ...args)

  return {
    image,
    /** @returns its size in bytes. @throws if a package cannot be loaded in it */
    async build() {
      await docker('build', '--network', 'host', '--tag', image, '--file', dockerfile, source)
      await docker('run', '--rm', '--read-only', image, 'node', '--input-type=module', '--eval', loadPackages)
      return Number(await docker('image', 'inspect', '--format', '{{.Size}}', image))
    },
    /** Starts or upgrades all services, and waits until they are healthy. */
    async up() {
      cpSync(join(source, 'docker'), join(deployed, 'docker'), { recursive: true })
      await run('up', '--detach', '--no-build').catch(async (error) => {
        throw new Error(`${error.message}\n${await stateOf(docker, run)}`)
      })
      await healthy(docker, run)
    },
    /** @returns how many events are stored */
    async countEvents() {
      const [id] = await containers(docker, 'label=com.docker.compose.service=postgres')
      const query = ['--tuples-only', '--no-align', '--command', 'SELECT count(*) FROM events']
      return Number(await docker('exec', id, 'psql', '--username', 'postgres', '--dbname', 'aftersend', ...query))
    },
    down: () => run('down', '--volumes', '--timeout', '20'),
    /** Kills one container of a service at once, as a crash does, but it stays down. @returns its ID */
    async kill(service) {
      const [id] = await containers(docker, `label=com.docker.compose.service=${service}`)
      await docker('kill', '--signal', 'KILL', id)
      return id
    },
    /** Starts killed containers, and waits until all are healthy. */
    async start(ids) {
      await docker('start', ...ids)
      await healthy(docker, run)
    },
  }
}

const containers = async (docker, ...filters) => {
  const all = [`label=com.docker.compose.project=${project}`, ...filters]
  const ids = await docker('ps', '--all', '--quiet', ...all.flatMap((filter) => ['--filter', filter]))
  return ids.split('\n').filter(Boolean)
}

const format =
  '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{.State.ExitCode}} {{with .State.Health}}{{.Status}}{{end}}'
const checks =
  '{{.Name}}{{with .State.Health}}{{range .Log}}\n  {{.Start}} to {{.End}}: {{.ExitCode}} {{.Output}}{{end}}{{end}}'

/** @throws with the last lines of the logs if a container is not healthy in time. One that has exited with 0 did its task. */
async function healthy(docker, run) {
  for (const deadline = Date.now() + healthyWithinMs; ; await sleep(1000)) {
    const lines = (await docker('inspect', '--format', format, ...(await containers(docker)))).trim().split('\n')
    const waiting = lines.filter((line) => !/ running 0 (healthy)?$| exited 0 /.test(line))
    if (waiting.length === 0) return
    if (Date.now() > deadline)
      throw new Error(`Not healthy in time:\n${waiting.join('\n')}\n${await stateOf(docker, run)}`)
  }
}

/** The last health checks and lines of each container. */
const stateOf = async (docker, run) =>
  `${await docker('inspect', '--format', checks, ...(await containers(docker)))}\n${await run('logs', '--no-color', '--tail', '8')}`
