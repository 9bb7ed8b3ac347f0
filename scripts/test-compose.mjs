/**
 * `npm run test:compose [-- --from v0.4.0 --emails 300 --rate 10]`: builds the image, and runs docker-compose.yml as in production, under load:
 * starts the previous version, upgrades it, kills an api and a worker. After each step the simulator compares every email with what must have
 * become of it. Exit code 0: no difference. It writes to a folder below the system's temporary one only, and removes its containers.
 *
 * Needs Docker with Compose; on Debian as root it installs and starts them. Where no image can be pulled, stand-ins are made (docker/stand-ins).
 * Not part of .ci/run: 10 minutes, and 20 more the first time without a registry.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { command } from './compose/commands.mjs'
import { findEngine } from './compose/engine.mjs'
import { composeProject } from './compose/project.mjs'
import { makeStandIns } from './compose/stand-ins.mjs'
import { imagesOf, pinnedFiles } from './pin-images.mjs'
import { root } from './root.mjs'

const { values } = parseArgs({
  options: {
    from: { type: 'string' },
    emails: { type: 'string', default: '300' },
    rate: { type: 'string', default: '10' },
  },
})
const folder = join(tmpdir(), 'aftersend-test-compose')
mkdirSync(folder, { recursive: true })
const say = (line) => console.log(line)
const git = command(['git'], process.env, root)

const secret = () => randomBytes(24).toString('hex')
const settings = {
  PORT: String(await freePort()),
  DATABASE_PASSWORD: secret(),
  DATABASE_OWNER_PASSWORD: secret(),
  TEMPORAL_DATABASE_PASSWORD: secret(),
  API_KEYS: secret(),
  ERASURE_KEY: secret(),
  AISEND_WEBHOOK_SECRET: secret(),
}

async function test() {
  const ref = values.from ?? (await lastRelease())
  const old = join(folder, 'previous-checkout')
  await checkOut(ref, old)
  const images = [root, `${old}/`].flatMap((source) =>
    pinnedFiles.flatMap((file) => imagesOf(readFileSync(`${source}${file}`, 'utf8'))),
  )
  const usesStandIns = !(await canPull(images[0]))
  if (usesStandIns) {
    say('No image can be pulled: stand-ins are used.')
    await makeStandIns(images, { folder, docker, say })
  }
  const project = (version, source) => composeProject({ source, version, usesStandIns, folder, settings }, commands)
  const [previous, current] = [project('previous', old), project('current', root)]
  await timed(`built ${ref}`, async () => megabytes(await previous.build()))
  await timed('built this version', async () => megabytes(await current.build()))
  try {
    await timed(`${ref} started, all healthy`, () => previous.up())
    await timed('simulated', () => simulate(previous))
    await timed('upgraded under load', () => simulate(previous, () => current.up()))
    await timed('killed an api and a worker under load', async () => {
      let killed = []
      const outcome = await simulate(current, async () => {
        killed = await Promise.all(['api', 'worker'].map((service) => current.kill(service)))
      })
      await current.start(killed)
      return outcome
    })
  } finally {
    // Its failure must not hide that of a step.
    await timed('removed', () => current.down()).catch((error) => say(`Not removed: ${error.message}`))
  }
}

async function timed(name, step) {
  const startedAt = Date.now()
  const result = await step()
  say(`${String(Math.round((Date.now() - startedAt) / 1000)).padStart(5)} s  ${name}${result ? `: ${result}` : ''}`)
}

const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`

/** Simulates emails through the proxy, and disturbs once as many events as emails have been stored. @throws on a difference */
async function simulate(project, disturb) {
  const { emails, rate } = values
  const { PORT, API_KEYS, AISEND_WEBHOOK_SECRET } = settings
  const target = ['--url', `http://127.0.0.1:${PORT}`, '--key', API_KEYS, '--secret', AISEND_WEBHOOK_SECRET]
  const program = command([process.execPath, `${root}bin/aftersend.mjs`], { ...process.env, NODE_OPTIONS: '' }, folder)
  const load = ['--emails', emails, '--rate', rate, '--verify', '--timeout', '10m', '--json', '--no-progress']
  const storedBefore = await project.countEvents()
  const simulated = program('simulate', ...target, ...load)
  let isOver = false
  const end = () => {
    isOver = true
  }
  // Its failure is thrown below.
  simulated.then(end, end)
  if (disturb) {
    while (!isOver && (await project.countEvents()) < storedBefore + Number(emails)) await sleep(250)
    await disturb()
  }
  const report = JSON.parse(await simulated)
  const retries = Object.values(report.posted).reduce((sum, tally) => sum + tally.retries, 0)
  if (report.differences.length > 0) throw new Error(`${report.differences.length} differences`)
  return `${report.emails} emails, ${retries} webhooks sent again, acknowledged within ${Math.round(report.latencyMs.p99)} ms (p99), 0 differences`
}

async function canPull({ name, tag, digest }) {
  return docker('pull', '--quiet', `${name}:${tag}${digest ? `@${digest}` : ''}`).then(
    () => true,
    () => false,
  )
}

const lastRelease = () =>
  git('describe', '--tags', '--abbrev=0', '--match', 'v*').then(
    (tag) => tag.trim(),
    () => 'HEAD~1',
  )

async function checkOut(ref, target) {
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  const archive = join(folder, 'previous.tar')
  await git('archive', '--output', archive, ref)
  await command(['tar'])('-xf', archive, '-C', target)
  rmSync(archive)
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

// Ctrl-C reaches the programs that are started here by itself: the step fails, and what was started is removed.
process.on('SIGINT', () => {})
const engine = await findEngine(folder, say)
const docker = command(['docker'], engine.env)
const commands = { docker, compose: command(engine.compose, engine.env) }
try {
  await test()
  say('\nPassed: 0 differences.')
} catch (error) {
  console.error(`\nFAILED: ${error.message}`)
  process.exitCode = 1
} finally {
  await engine.stop()
}
