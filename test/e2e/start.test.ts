import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../src/embedded/free-port.ts'
import { Command, freshClone, linkingNpm } from './clone.ts'

const installWithinMs = 240_000
const startWithinMs = 60_000

describe('a fresh clone', function () {
  this.timeout(400_000)
  let folder: string
  let env: NodeJS.ProcessEnv
  let installs: () => string[]
  let system: Command | undefined
  const commands: Command[] = []

  const npm = (args: string[], more: NodeJS.ProcessEnv = {}): Command => {
    const command = new Command(folder, args, { ...env, ...more })
    commands.push(command)
    return command
  }

  const start = async (withinMs = startWithinMs): Promise<Command> => {
    const started = npm(['start'])
    await started.says(/Aftersend runs/, withinMs)
    return started
  }

  before(async () => {
    folder = await freshClone()
    const linking = await linkingNpm()
    installs = linking.installs
    env = { ...linking.env, PORT: String(await freePort(3_900)), MAILBOX_PROVIDER_LOOKUP: 'off' }
  })
  after(async () => {
    system?.signal('SIGTERM')
    await system?.exit()
    for (const command of commands) command.signal('SIGKILL')
  })

  it('runs by npm start alone, and shows where everything is and what opens it', async () => {
    system = await start(installWithinMs)
    assert.match(system.output, /Installing dependencies/)
    assert.equal(installs().length, 1, 'installed by npm ci, once')
    assert.match(system.output, new RegExp(`http://127.0.0.1:${env['PORT']}/webhooks/aisend`))
    assert.match(system.output, /Temporal Web UI +http:\/\/127\.0\.0\.1:\d+/)
    assert.match(system.output, /Webhook secret +\w{64}/)
    assert.match(system.output, /API key +as_[\w-]+/)
    assert.equal((await stat(join(folder, '.aftersend', 'credentials.json'))).mode & 0o777, 0o600)
  })

  it('lives through a simulation with every final state as it must be', async () => {
    const simulation = npm(['run', 'simulate', '--', '--emails', '20', '--rate', '30', '--seed', '7', '--verify'])
    assert.equal(await simulation.exit(), 0, simulation.output)
    assert.match(simulation.output, /20 emails verified, 0 differences/)
  })

  it('refuses a second start on the same data, and says what runs', async () => {
    const second = npm(['start'])
    assert.notEqual(await second.exit(), 0)
    assert.match(second.output, /already running/)
  })

  it('loses nothing when it is killed in the middle of a simulation and started again', async () => {
    const simulation = npm([
      'run',
      'simulate',
      '--',
      '--emails',
      '60',
      '--rate',
      '20',
      '--seed',
      '8',
      '--verify',
      '--no-progress',
    ])
    await simulation.says(/emails at/, startWithinMs)
    const posted = () => readFileSync(join(folder, '.aftersend', 'logs', 'postgres.log'), 'utf8').length > 0
    assert.ok(posted())
    system?.signal('SIGKILL')
    await system?.exit()
    system = await start()
    assert.doesNotMatch(system.output, /Webhook secret/, 'the secrets are shown only once')
    assert.equal(await simulation.exit(), 0, simulation.output)
    assert.match(simulation.output, /60 emails verified, 0 differences/)
  })

  it('stops in order at SIGTERM, and carries on with the same data at the next start', async () => {
    system?.signal('SIGTERM')
    assert.equal(await system?.exit(), 0, system?.output)
    assert.match(system?.output ?? '', /Stopped\./)
    system = await start()
    assert.equal(installs().length, 1, 'nothing is installed again')
    const { apiKey } = JSON.parse(readFileSync(join(folder, '.aftersend', 'credentials.json'), 'utf8'))
    const headers = { Authorization: `Bearer ${apiKey}` }
    const answer = await fetch(`http://127.0.0.1:${env['PORT']}/v1/emails?limit=200`, { headers })
    assert.equal(((await answer.json()) as { data: unknown[] }).data.length, 80)
  })

  it('shows its tables in Prisma Studio', async () => {
    const port = await freePort(5_600)
    const studio = npm(['run', 'studio', '--', '--port', String(port)])
    await studio.says(/http:\/\/(localhost|127\.0\.0\.1):\d+/, startWithinMs)
    const address = /http:\/\/(?:localhost|127\.0\.0\.1):\d+/.exec(studio.output)?.[0] ?? ''
    assert.equal((await fetch(address)).status, 200)
    studio.signal('SIGINT')
    await studio.exit()
  })
})
