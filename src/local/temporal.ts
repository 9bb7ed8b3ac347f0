/** An embedded Temporal dev server with its Web UI, on a durable file. */
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { z } from 'zod'
import { createTemporalConnection } from '../temporal/connection.ts'
import { Child, ChildStartError } from './child.ts'
import { prepareDataDir } from './data-dir.ts'
import { readDataFile, writeDataFile } from './data-file.ts'
import { anyFreePort, freePort, isPortFree } from './free-port.ts'
import { stopOrphans } from './orphans.ts'

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
  /** The server's database and log are kept in here; made if there is none. */
  readonly dataDir: string
  readonly namespace: string
  /** Names of search attributes of type Keyword. */
  readonly searchAttributes: readonly string[]
  /** Told of progress, a line at a time. */
  readonly say?: (line: string) => void
  readonly onTrouble: (line: string) => void
  /** False keeps everything in memory, without Web UI, for tests. Default true. */
  readonly durable?: boolean
  /** The server's own settings by key, such as limits that a test wants lower. */
  readonly dynamicConfig?: Readonly<Record<string, string>>
}

/** With it a worker that stops is told when no more tasks are on their way to it. */
const ownDynamicConfig = { 'frontend.enableCancelWorkerPollsOnShutdown': 'true' }

const preferredPorts = { frontend: 7_233, webUi: 8_233 }
const stopSignals = ['SIGTERM', 'SIGKILL'] as const

/**
 * Starts the server of a DATA_DIR, after stopping what a killed system left running. What it holds survives kill -9; a
 * power failure may cost its last moments, which the inbox sends again.
 * @throws ChildStartError when it does not start.
 */
export async function startTemporal(options: TemporalOptions): Promise<LocalTemporal> {
  const { say = () => {}, durable = true } = options
  const dataDir = await prepareDataDir(options.dataDir)
  const folder = join(dataDir, 'temporal')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const dataPath = join(folder, 'temporal.db')
  // It may have been started by a CLI of another place or name.
  const isProgram = (fileName: string) => fileName === basename(options.cliPath) || fileName.includes('temporal')
  const orphans = await stopOrphans({ isProgram, args: ['start-dev', '--db-filename', dataPath], stopSignals })
  if (orphans > 0) say('Temporal: stopped the server that a killed system left running')
  const { child, ports } = await startOnFreePorts(options, dataDir, dataPath)
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

const portsForm = z.object({ frontend: z.number().int(), webUi: z.number().int() })

type Ports = z.infer<typeof portsForm>

/** Ports that are free now may be taken by the time that the server binds them, by another stack that starts: then the next. */
async function startOnFreePorts(
  options: TemporalOptions,
  dataDir: string,
  dataPath: string,
): Promise<{ child: Child; ports: Ports }> {
  const path = join(dataDir, 'temporal', 'ports.json')
  const kept = await readDataFile(path, portsForm)
  for (let wanted = kept ?? preferredPorts; ; ) {
    const ports = await portsFrom(wanted)
    if (kept && (ports.frontend !== kept.frontend || ports.webUi !== kept.webUi)) {
      options.say?.(`Temporal: a port that it had is taken, using ${ports.frontend} and ${ports.webUi}`)
    }
    const metricsPort = await anyFreePort()
    const child = childOf(options, dataDir, dataPath, ports, metricsPort)
    try {
      await child.start()
      await writeDataFile(path, ports)
      return { child, ports }
    } catch (error) {
      const areStillFree = (await isPortFree(ports.frontend)) && (await isPortFree(ports.webUi))
      if (!(error instanceof ChildStartError) || areStillFree) throw error
      wanted = { frontend: ports.frontend + 1, webUi: ports.webUi + 1 }
    }
  }
}

/** The wanted ones where they are free, so that bookmarks last. */
async function portsFrom(wanted: Ports): Promise<Ports> {
  const frontend = await freePort(wanted.frontend)
  return { frontend, webUi: await freePort(wanted.webUi, '127.0.0.1', new Set([frontend])) }
}

function childOf(
  { cliPath, namespace, searchAttributes, onTrouble, durable = true, dynamicConfig = {} }: TemporalOptions,
  dataDir: string,
  dataPath: string,
  { frontend, webUi }: Ports,
  metricsPort: number,
): Child {
  return new Child({
    name: 'Temporal',
    command: cliPath,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(frontend), '--namespace', namespace],
      ...['--metrics-port', String(metricsPort), '--log-level', 'error', '--color', 'never'],
      ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
      ...Object.entries({ ...ownDynamicConfig, ...dynamicConfig }).flatMap(([key, value]) => [
        '--dynamic-config-value',
        `${key}=${value}`,
      ]),
      ...(durable ? [...durableFlags(dataPath), '--ui-port', String(webUi)] : ['--headless']),
    ],
    // Its own variables would lead it astray: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the like are for clients.
    env: { PATH: '/usr/bin:/bin', TZ: 'UTC', HOME: dataDir },
    cwd: dataDir,
    logPath: join(dataDir, 'logs', 'temporal.log'),
    isReady: async () => (await hasMetrics(metricsPort)) && serves(`127.0.0.1:${frontend}`, namespace),
    stopSignals,
    onTrouble,
    // It binds further ports, of its own choice, which somebody may take before it does.
    passing: new RegExp(`:(?!(?:${frontend}|${webUi}|${metricsPort}):)\\d+: bind: address already in use`),
  })
}

/** Without the pragmas the file takes half as many signals a second; WAL with NORMAL survives a killed process. */
const durableFlags = (dataPath: string): string[] => [
  ...['--db-filename', dataPath],
  ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
]

/**
 * Whether it is this server that runs: an answer at the frontend's port may be that of another stack which started at the
 * same moment, but nobody else comes upon this port. It opens after the server has its other ports.
 */
async function hasMetrics(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(1_000) }).catch(
    () => null,
  )
  await answer?.body?.cancel()
  return answer?.ok === true
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
