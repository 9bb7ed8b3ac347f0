import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../src/embedded/free-port.ts'
import { temporaryFolder } from '../stack.ts'
import { Command } from './clone.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A program of an application: strict, and none of its types is a guess. */
const application = `
import { AftersendProblemError, createClient, type Email } from '@aftersend/client'
const aftersend = createClient({ url: process.argv[2] ?? '', apiKey: process.argv[3] ?? '' })
const email: Email = await aftersend.register({ id: 'em_of_an_application', to: 'ada@example.com' })
const known = await aftersend.status('em_unknown').catch((error: unknown) => error instanceof AftersendProblemError)
console.log(email.status satisfies string, known)
`

describe('the packages, installed in an empty folder', function () {
  this.timeout(300_000)
  let folder: string
  let packed: string
  let env: NodeJS.ProcessEnv
  let system: Command | undefined

  const run = (command: string, args: readonly string[], cwd = folder): SpawnSyncReturns<string> => {
    const done = spawnSync(command, args, { cwd, encoding: 'utf8', env })
    assert.equal(done.status, 0, `${command} ${args.join(' ')}\n${done.stdout}\n${done.stderr}`)
    return done
  }

  before(async () => {
    ;[folder, packed] = await Promise.all([temporaryFolder(), temporaryFolder()])
    const { PATH, HOME, XDG_CACHE_HOME, TEMPORAL_CLI_PATH } = process.env
    // No NODE_OPTIONS of the tests: no TypeScript is loaded.
    env = {
      PATH,
      HOME,
      XDG_CACHE_HOME,
      TEMPORAL_CLI_PATH,
      PORT: String(await freePort(3_950)),
      MAILBOX_PROVIDER_LOOKUP: 'off',
    }
    run(process.execPath, ['scripts/pack.mjs', packed], root)
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'application', private: true, type: 'module' }),
    )
    const tarballs = readdirSync(packed).map((file) => join(packed, file))
    assert.equal(tarballs.length, 2)
    run('npm', ['install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs])
  })
  after(async () => {
    system?.signal('SIGTERM')
    await system?.exit()
  })

  it('are right for publishing, and their types for those who import them', () => {
    for (const file of readdirSync(packed)) {
      run(process.execPath, [`${root}node_modules/publint/src/cli.js`, join(packed, file), '--strict'])
    }
    const client = readdirSync(packed).find((file) => file.startsWith('aftersend-client'))
    const attw = `${root}node_modules/@arethetypeswrong/cli/dist/index.js`
    run(process.execPath, [attw, join(packed, client ?? ''), '--profile', 'esm-only'])
  })

  it('run by npx aftersend up, without TypeScript, and find what a simulation sends', async () => {
    system = new Command(folder, ['exec', '--', 'aftersend', 'up'], env, { isAlone: true })
    await system.says(/Aftersend runs/, 120_000)
    const simulation = run('npx', [
      'aftersend',
      'simulate',
      '--emails',
      '20',
      '--rate',
      '20',
      '--verify',
      '--no-progress',
    ])
    assert.match(simulation.stdout, /20 emails verified, 0 differences/)
  })

  it('give a strict TypeScript application a client that talks to the system', async () => {
    await mkdir(join(folder, 'node_modules/@types'), { recursive: true })
    for (const types of ['node', '../undici-types']) {
      await cp(join(root, 'node_modules/@types', types), join(folder, 'node_modules/@types', types), {
        recursive: true,
      })
    }
    await writeFile(join(folder, 'application.ts'), application)
    const options = {
      strict: true,
      module: 'nodenext',
      target: 'es2022',
      types: ['node'],
      exactOptionalPropertyTypes: true,
    }
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, include: ['application.ts'] }),
    )
    run(process.execPath, [`${root}node_modules/typescript/bin/tsc`])
    const key = /API key +(as_[\w-]+)/.exec(system?.output ?? '')?.[1] ?? ''
    const { stdout } = run(process.execPath, ['application.js', `http://127.0.0.1:${env['PORT']}`, key])
    assert.equal(stdout, 'sent null\n')
  })
})
