/** An embedded Temporal dev server with its Web UI, which stores its data in a file. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { createTemporalConnection } from '../temporal/connection.ts'
import { Child, ChildStartError } from './child.ts'
import { prepareDataDir } from './data-dir.ts'
import { readDataFile, writeDataFile } from './data-file.ts'
import { anyFreePort, freePort, isPortFree } from './free-port.ts'
import { acquirePidFile } from './pid-file.ts'

export interface EmbeddedTemporal {
  readonly address: string
  /** Null without Web UI. */
  readonly webUiUrl: string | null
  readonly pid: number | undefined
  /** Starts it again on the same port, after `stop` or `kill`. */
  start(): Promise<void>
  stop(): Promise<void>
  /** For tests. It is not started again before `start()`. */
  kill(signal: NodeJS.Signals): Promise<void>
}

export interface TemporalOptions {
  /** The path of Temporal's CLI. */
  readonly cliPath: string
  /** Holds the server's database and log. Created if there is none. */
  readonly dataDir: string
  readonly namespace: string
  /** Names of search attributes of type Keyword. */
  readonly searchAttributes: readonly string[]
  /** Receives progress, and restarts of a server that ended, a line at a time. */
  readonly report: (line: string) => void
  /** False stores everything in memory, without Web UI, in tests. Default true. */
  readonly durable?: boolean
  /** Whether to run at a lower priority than this process. Default false. */
  readonly lowPriority?: boolean
  /** Settings of the server by key, such as lower limits for a test. */
  readonly dynamicConfig?: Readonly<Record<string, string>>
}

/**
 * The server cancels the polls of a worker that shuts down, and sets the search attribute `TemporalReportedProblems` of a workflow whose
 * task has failed this many times in a row.
 */
const ownDynamicConfig = {
  'frontend.enableCancelWorkerPollsOnShutdown': 'true',
  'system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute': '3',
}

const preferredPorts = { frontend: 7_233, webUi: 8_233 }
const stopSignals = ['SIGTERM', 'SIGKILL'] as const
const pidPathIn = (dataDir: string): string => join(dataDir, 'temporal.pid')
const portTaken = 'bind: address already in use'

/**
 * Starts the server of a DATA_DIR. A server that a killed system left running is stopped first. Its data survives kill -9. A power
 * failure may lose the last writes, which the inbox sends again.
 * @throws ChildStartError when it does not start.
 */
export async function startTemporal(options: TemporalOptions): Promise<EmbeddedTemporal> {
  const { report, durable = true } = options
  const dataDir = await prepareDataDir(options.dataDir)
  const folder = join(dataDir, 'temporal')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const dataPath = join(folder, 'temporal.db')
  const pidFile = await acquirePidFile(pidPathIn(dataDir), stopSignals, () =>
    report('Temporal: stopping the server that a killed system left running'),
  )
  // Its ports are free now.
  pidFile.close()
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

const portsSchema = z.object({ frontend: z.number().int(), webUi: z.number().int() })

type Ports = z.infer<typeof portsSchema>

/** Tries the next ports if another process takes these before the server binds them. */
async function startOnFreePorts(
  options: TemporalOptions,
  dataDir: string,
  dataPath: string,
): Promise<{ child: Child; ports: Ports }> {
  const path = join(dataDir, 'temporal', 'ports.json')
  const stored = await readDataFile(path, portsSchema)
  for (let wanted = stored ?? preferredPorts; ; ) {
    const ports = await portsFrom(wanted)
    if (stored && (ports.frontend !== stored.frontend || ports.webUi !== stored.webUi)) {
      options.report(`Temporal: a port that it had is taken, using ${ports.frontend} and ${ports.webUi}`)
    }
    const child = createChild(options, dataDir, dataPath, ports)
    try {
      await child.start()
      await writeDataFile(path, ports)
      return { child, ports }
    } catch (error) {
      if (!(error instanceof ChildStartError) || !(await wasTaken(ports, error))) throw error
      wanted = { frontend: ports.frontend + 1, webUi: ports.webUi + 1 }
    }
  }
}

/** Whether another process listens on one of the ports, or did when the server tried to. */
const wasTaken = async ({ frontend, webUi }: Ports, { output }: ChildStartError): Promise<boolean> =>
  new RegExp(`:(?:${frontend}|${webUi}): ${portTaken}`).test(output) ||
  !((await isPortFree(frontend)) && (await isPortFree(webUi)))

/** The same ports as before where they are free, so that bookmarks stay valid. */
async function portsFrom(wanted: Ports): Promise<Ports> {
  const frontend = await freePort(wanted.frontend)
  return { frontend, webUi: await freePort(wanted.webUi, '127.0.0.1', new Set([frontend])) }
}

function createChild(
  {
    cliPath,
    namespace,
    searchAttributes,
    report,
    durable = true,
    lowPriority = false,
    dynamicConfig = {},
  }: TemporalOptions,
  dataDir: string,
  dataPath: string,
  { frontend, webUi }: Ports,
): Child {
  const args = [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(frontend), '--namespace', namespace],
    ...['--log-level', 'error', '--color', 'never'],
    ...searchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ...Object.entries({ ...ownDynamicConfig, ...dynamicConfig }).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${value}`,
    ]),
    ...(durable ? [...durableFlags(dataPath), '--ui-port', String(webUi)] : ['--headless']),
  ]
  let metricsPort = 0
  return new Child({
    name: 'Temporal',
    command: cliPath,
    args: async () => {
      metricsPort = await anyFreePort()
      return [...args, '--metrics-port', String(metricsPort)]
    },
    // Without TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the like, which the CLI would read: they are for clients.
    env: { PATH: '/usr/bin:/bin', TZ: 'UTC', HOME: dataDir },
    cwd: dataDir,
    lowPriority,
    logPath: join(dataDir, 'logs', 'temporal.log'),
    pidPath: pidPathIn(dataDir),
    isReady: async () => (await hasMetrics(metricsPort)) && hasNamespace(`127.0.0.1:${frontend}`, namespace),
    stopSignals,
    report,
    // It binds further ports, which another process may take first.
    retryable: { pattern: new RegExp(`:(?!(?:${frontend}|${webUi}):)\\d+: ${portTaken}`), attempts: 5 },
  })
}

/** The pragmas double the signals a second. WAL with NORMAL survives a killed process. */
const durableFlags = (dataPath: string): string[] => [
  ...['--db-filename', dataPath],
  ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
]

/**
 * Whether this server has bound its ports. Another stack that starts at the same time may answer on the frontend's port, but not on
 * this one, which is random and opens last.
 */
async function hasMetrics(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(1_000) }).catch(
    () => null,
  )
  await answer?.body?.cancel()
  return answer?.ok === true
}

async function hasNamespace(address: string, namespace: string): Promise<boolean> {
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
