/** An embedded Temporal dev server with its Web UI, on a durable file. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { createTemporalConnection } from '../temporal/connection.ts'
import { Child } from './child.ts'
import { readDataFile, writeDataFile } from './data-file.ts'
import { freePort } from './free-port.ts'

export interface LocalTemporal {
  readonly address: string
  /** Null when started without. */
  readonly webUiUrl: string | null
  readonly pid: number | undefined
  /** Starts it again on the same port, after `stop` or `kill`. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Kills it, for tests; it stays away until `start()`. */
  kill(signal: NodeJS.Signals): Promise<void>
}

export interface TemporalOptions {
  /** Temporal's CLI. */
  readonly cliPath: string
  /** Exists already. The server's database and log are kept in here. */
  readonly dataDir: string
  readonly namespace: string
  /** Names of search attributes of type Keyword. */
  readonly searchAttributes: readonly string[]
  readonly onTrouble: (line: string) => void
  /** False keeps everything in memory, without Web UI, for tests. Default true. */
  readonly durable?: boolean
}

const portsForm = z.object({ frontend: z.number().int(), webUi: z.number().int() })

export async function startTemporal(options: TemporalOptions): Promise<LocalTemporal> {
  const { dataDir, durable = true } = options
  await mkdir(join(dataDir, 'temporal'), { recursive: true })
  await mkdir(join(dataDir, 'logs'), { recursive: true })
  // An orphan of a killed system still holds its ports: it is stopped before ports are looked for.
  await childOf(options, { frontend: 0, webUi: 0 }).stopOrphan()
  const ports = await choosePorts(dataDir)
  const child = childOf(options, ports)
  await child.start()
  return {
    address: `127.0.0.1:${ports.frontend}`,
    webUiUrl: durable ? `http://127.0.0.1:${ports.webUi}` : null,
    get pid() {
      return child.pid
    },
    start: () => child.start(),
    stop: () => child.stop(),
    kill: (signal) => child.kill(signal),
  }
}

type Ports = z.infer<typeof portsForm>

/** The ports of the last start where they are free, so that bookmarks last. */
async function choosePorts(dataDir: string): Promise<Ports> {
  const path = join(dataDir, 'temporal', 'ports.json')
  const kept = await readDataFile(path, portsForm)
  const frontend = await freePort(kept?.frontend ?? 7_233)
  const webUi = await freePort(kept?.webUi ?? 8_233, '127.0.0.1', new Set([frontend]))
  await writeDataFile(path, { frontend, webUi })
  return { frontend, webUi }
}

function childOf(options: TemporalOptions, { frontend, webUi }: Ports): Child {
  const { cliPath, dataDir, namespace, searchAttributes, onTrouble, durable = true } = options
  const database = join(dataDir, 'temporal', 'temporal.db')
  return new Child({
    name: 'Temporal',
    command: cliPath,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(frontend), '--namespace', namespace],
      ...['--log-level', 'error', '--color', 'never'],
      ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      // Without the pragmas the file takes half as many signals a second; WAL with NORMAL survives a killed process.
      ...(durable
        ? ['--db-filename', database, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL']
        : ['--headless']),
      ...(durable ? ['--ui-port', String(webUi)] : []),
    ],
    logPath: join(dataDir, 'logs', 'temporal.log'),
    pidPath: join(dataDir, 'temporal', 'pid.json'),
    isReady: () => serves(`127.0.0.1:${frontend}`, namespace),
    stopSignals: ['SIGTERM', 'SIGKILL'],
    onTrouble,
  })
}

async function serves(address: string, namespace: string): Promise<boolean> {
  const connection = createTemporalConnection({ address, namespace, security: {} })
  try {
    await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.describeNamespace({ namespace }))
    return true
  } catch {
    return false
  } finally {
    await connection.close()
  }
}
