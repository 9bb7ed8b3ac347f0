/** Aftersend's roles as processes of their own, as in production, and what the machine says of a process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { anyFreePort } from '../src/embedded/free-port.ts'
import { webhookSecret } from './webhook-requests.ts'

export const apiKey = 'key-of-the-benchmark'

const root = fileURLToPath(new URL('..', import.meta.url))

/** One of our programs, from its sources. It gets nothing of this process's environment but where programs are. */
export const startProgram = (entry: string, args: readonly string[], env: Record<string, string>) =>
  spawn(process.execPath, ['--import', 'tsx', entry, ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })

export interface Role {
  readonly url: string
  readonly pid: number
  /** A figure of its `/metrics`, by the whole name with labels. */
  figure(name: string): Promise<number>
  stop(): Promise<void>
}

export interface RoleServers {
  readonly databaseUrl: string
  readonly temporalAddress: string
}

export interface RoleOptions {
  /** Where it says that it is up. Default `/readyz`. */
  readonly readyPath?: '/readyz' | '/healthz'
  /** Settings that are not the default. Those that a version does not know it passes over. */
  readonly settings?: Readonly<Record<string, string>>
}

/** An api or a worker on these servers, started and ready. */
export async function startRole(
  role: 'api' | 'worker',
  servers: RoleServers,
  { readyPath = '/readyz', settings = {} }: RoleOptions = {},
): Promise<Role> {
  const port = await anyFreePort()
  const child = startProgram('src/main.ts', [], {
    DATABASE_URL: servers.databaseUrl,
    TEMPORAL_ADDRESS: servers.temporalAddress,
    AISEND_WEBHOOK_SECRET: webhookSecret,
    API_KEYS: apiKey,
    ERASURE_KEY: 'erasure-key-of-the-benchmark-00001',
    LOG_LEVEL: 'warn',
    ...settings,
    ROLE: role,
    [role === 'api' ? 'PORT' : 'WORKER_PORT']: String(port),
  })
  const url = `http://127.0.0.1:${port}`
  const isReady = () =>
    fetch(`${url}${readyPath}`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) await sleep(200)
  return {
    url,
    pid: child.pid ?? 0,
    async figure(name) {
      const text = await (await fetch(`${url}/metrics`)).text()
      const line = text.split('\n').find((each) => each.startsWith(`${name} `))
      return Number(line?.slice(name.length + 1) ?? Number.NaN)
    },
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/** Waits until every acknowledged event is applied. */
export async function untilApplied(api: Role): Promise<void> {
  while ((await api.figure('aftersend_inbox_pending')) !== 0) await sleep(100)
}

/** Linux counts processor time in hundredths of a second. */
const tickMs = 10

/** Processor time of processes, and of their children that have ended. Those that are gone count nothing. */
export const cpuMsOf = (pids: readonly (number | string)[]): number =>
  pids.reduce<number>((sum, pid) => {
    try {
      return statOf(pid)
        .slice(11, 15)
        .reduce((ticks, each) => ticks + Number(each) * tickMs, sum)
    } catch {
      return sum
    }
  }, 0)

/** Of a server that gives each connection a process, as PostgreSQL does: those processes' time as well. */
export const cpuMsOfServer = (pid: number): number =>
  cpuMsOf([pid, ...processesWhere((child) => parentOf(child) === String(pid))])

/** The fields of `/proc/<pid>/stat` after the program's name: proc(5) from `state` on. */
const statOf = (pid: number | string): string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []

const parentOf = (pid: number | string): string => statOf(pid)[1] ?? ''

/** Processes of this machine; one that ends while it is looked at is none. */
const processesWhere = (holds: (pid: string) => boolean): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && holds(pid)
    } catch {
      return false
    }
  })

/** Resident memory of a process. */
export const memoryMiBOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024

/** Open sockets of a process, listening ones included. */
export const socketsOf = (pid: number): number =>
  readdirSync(`/proc/${pid}/fd`).filter((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`).startsWith('socket:')
    } catch {
      return false
    }
  }).length
