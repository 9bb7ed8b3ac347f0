/** `npm run studio`: Prisma Studio on the database of the running system, in the browser. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { readConfig } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { freePort } from '../local/free-port.ts'
import { findDatabaseUrl } from './database-url.ts'

const usage = `Opens Prisma Studio on the running system's database: DATABASE_URL, else the embedded one in DATA_DIR.

  npm run studio                  on port 5555, or the next free one
  npm run studio -- --port 5600   on that port`

const preferredPort = 5_555
const root = fileURLToPath(new URL('../../', import.meta.url))

function parseOptions(args: string[]) {
  try {
    return parseArgs({ args, options: { port: { type: 'string' }, help: { type: 'boolean', short: 'h' } } }).values
  } catch (cause) {
    throw new ConfigurationError(`${cause instanceof Error ? cause.message : cause}\n\n${usage}`, { cause })
  }
}

async function findDatabase(): Promise<string> {
  const config = readConfig(process.env)
  const { databaseUrl, dataDir } = config
  const url = await findDatabaseUrl(config)
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  try {
    await client.connect()
  } catch (cause) {
    const where = databaseUrl ? 'at DATABASE_URL' : `of ${dataDir}`
    const words = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigurationError(`The database ${where} does not answer (${words}): npm start first`, { cause })
  } finally {
    await client.end().catch(() => {})
  }
  return url
}

async function choosePort(said: string | undefined): Promise<number> {
  if (said === undefined) return freePort(preferredPort)
  const port = Number(said)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new ConfigurationError(`--port wants a port number\n\n${usage}`)
}

/** Prisma waits for a native engine that Studio does not use, and would download it: any existing file will do. */
function startStudio(databaseUrl: string, port: number) {
  const program = fileURLToPath(import.meta.resolve('prisma/build/index.js'))
  // The URL goes by the environment, which prisma.config.ts reads: a command line is for everyone to see.
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
  }
  const args = [program, 'studio', '--browser', 'none', '--port', String(port)]
  return spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Resolves with false if it ends before it answers. */
async function whenAnswering(url: string, hasEnded: () => boolean): Promise<boolean> {
  while (!hasEnded()) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => null)
    await answer?.body?.cancel()
    if (answer?.ok) return true
    await sleep(100)
  }
  return false
}

async function run(args: string[]): Promise<number> {
  const values = parseOptions(args)
  if (values.help) {
    console.log(usage)
    return 0
  }
  const databaseUrl = await findDatabase()
  const port = await choosePort(values.port)
  return serveUntilTold(startStudio(databaseUrl, port), `http://localhost:${port}`)
}

async function serveUntilTold(studio: ReturnType<typeof startStudio>, url: string): Promise<number> {
  // Kept for the case that it fails: its own banner would give the address a second time.
  const words: string[] = []
  for (const stream of [studio.stdout, studio.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => words.push(chunk))
  }
  let isToldToStop = false
  const stop = () => {
    isToldToStop = true
    studio.kill('SIGTERM')
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const ended = once(studio, 'exit')
  if (await whenAnswering(url, () => studio.exitCode !== null || studio.signalCode !== null)) {
    console.log(`Prisma Studio: ${url}\nCtrl-C stops it.`)
  }
  await ended
  if (!isToldToStop) console.error(`Prisma Studio ended by itself.\n${words.join('')}`)
  return isToldToStop ? 0 : 1
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
