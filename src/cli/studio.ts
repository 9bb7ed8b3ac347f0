/** `npm run studio`: Prisma Studio on the database of the running system. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import pg from 'pg'
import { readConfig } from '../config.ts'
import { freePort } from '../embedded/free-port.ts'
import { ConfigurationError } from '../errors.ts'
import { findDatabaseUrl } from './database-url.ts'

const preferredPort = 5_555

/** Without it Studio opens the first table of the schema. */
const emailsTable = '/#view=table&schema=public&table=emails'

const command = new Command('npm run studio --')
  .description(
    'Opens Prisma Studio on DATABASE_URL, else on the embedded database of the system that runs in DATA_DIR.',
  )
  .option('--port <port>', `the port to listen on (default: ${preferredPort}, or the next free one)`)
  .exitOverride(({ exitCode }) => process.exit(exitCode && 2))

async function findDatabase(): Promise<string> {
  const url = await findDatabaseUrl(readConfig(process.env))
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  await client.connect().catch((cause) => {
    const { host } = new URL(url)
    throw new ConfigurationError(`PostgreSQL at ${host} does not answer (${cause.message}): npm start first`, { cause })
  })
  await client.end()
  return url
}

function startStudio(databaseUrl: string, port: string) {
  const prisma = fileURLToPath(import.meta.resolve('prisma/build/index.js'))
  const env = {
    ...process.env,
    // Read by prisma.config.ts. Other users could read the password in the arguments.
    DATABASE_URL: databaseUrl,
    // Any existing file will do: Studio does not use the engine, but Prisma downloads one if there is none.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
  }
  return spawn(process.execPath, [prisma, 'studio', '--browser', 'none', '--port', port], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs Studio until Ctrl-C. @returns the exit code. */
async function run(chosenPort: string | undefined): Promise<number> {
  const databaseUrl = await findDatabase()
  const port = chosenPort ?? String(await freePort(preferredPort))
  const studio = startStudio(databaseUrl, port)
  let isStopped = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      isStopped = true
      studio.kill()
    })
  }
  const url = `http://localhost:${port}`
  let output = ''
  for (const stream of [studio.stdout, studio.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      // Prisma prints the address when Studio listens. The rest of its output is shown only if it fails.
      if (chunk.includes(url)) console.log(`Prisma Studio: ${url}${emailsTable}\nCtrl-C stops it.`)
    })
  }
  await once(studio, 'close')
  if (!isStopped) console.error(`Prisma Studio ended unexpectedly.\n${output}`)
  return isStopped ? 0 : 1
}

try {
  process.exitCode = await run(command.parse().opts<{ port?: string }>().port)
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error
  console.error(error.message)
  process.exitCode = 2
}
