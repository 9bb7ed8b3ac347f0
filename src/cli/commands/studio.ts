import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import pg from 'pg'
import { readConfig } from '../../config.ts'
import { freePort } from '../../embedded/free-port.ts'
import { ConfigurationError } from '../../errors.ts'
import type { CommandContext } from '../command-context.ts'
import { findDatabaseUrl } from '../database-url.ts'

const preferredPort = 5_555

/** Without it Studio opens the first table of the schema. */
const emailsTable = '/#view=table&schema=public&table=emails'

/** Opens Prisma Studio on the database of the running system. */
export const studioCommand = (context: CommandContext): Command =>
  new Command('studio')
    .description(
      'open Prisma Studio on DATABASE_URL, else on the embedded database of the system that runs in DATA_DIR',
    )
    .option('--port <port>', `the port to listen on (default: ${preferredPort}, or the next free one)`)
    .action(async ({ port }: { readonly port?: string }) => {
      const databaseUrl = await findDatabase(context)
      context.endWith(await runStudio(databaseUrl, port ?? String(await freePort(preferredPort)), context))
    })

async function findDatabase({ env }: CommandContext): Promise<string> {
  const url = await findDatabaseUrl(readConfig(env))
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 })
  await client.connect().catch((cause) => {
    const { host } = new URL(url)
    throw new ConfigurationError(`PostgreSQL at ${host} does not answer (${cause.message}): start Aftersend first`, {
      cause,
    })
  })
  await client.end()
  return url
}

/** Runs Studio until Ctrl-C. @returns the exit code. */
async function runStudio(databaseUrl: string, port: string, { print, progress }: CommandContext): Promise<number> {
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
      if (chunk.includes(url)) print(`Prisma Studio: ${url}${emailsTable}\nCtrl-C stops it.`)
    })
  }
  await once(studio, 'close')
  if (!isStopped) progress.write(`Prisma Studio ended unexpectedly.\n${output}\n`)
  return isStopped ? 0 : 1
}

function startStudio(databaseUrl: string, port: string) {
  const [command, ...args] = prismaCommand()
  return spawn(command, [...args, 'studio', '--browser', 'none', '--port', port], {
    // Where prisma.config.ts is.
    cwd: fileURLToPath(new URL('../../../', import.meta.url)),
    env: {
      ...process.env,
      // Read by prisma.config.ts. Other users could read the password in the arguments.
      DATABASE_URL: databaseUrl,
      // Any existing file will do: Studio does not use the engine, but Prisma downloads one if there is none.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      CHECKPOINT_DISABLE: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** A clone has Prisma's command line. An installed Aftersend leaves out its 110 MB: npx installs it once, in the client's version. */
function prismaCommand(): [string, ...string[]] {
  const { resolve } = createRequire(import.meta.url)
  try {
    return [process.execPath, resolve('prisma/build/index.js')]
  } catch {
    const { version } = createRequire(import.meta.url)('@prisma/client/package.json') as { version: string }
    return ['npx', '--yes', `prisma@${version}`]
  }
}
