/**
 * Emails as they come in life, for bench/cost.ts: delivered within seconds, opened twice much later, when no worker has their
 * workflows in memory any more. Each of these times is another worker, so that every replay that life has is in the figure.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMsOf, type Role, type RoleServers, startRole, untilApplied } from './roles.ts'
import { webhookOf } from './webhook-requests.ts'
import { countOpenWorkflows } from './workflow-costs.ts'

export const idPrefix = 'opened-'

/** Milliseconds after the email's first event: sent within a second, delivered three seconds later. */
const steps = [
  ['queued', 0],
  ['sending', 250],
  ['sent', 900],
  ['delivered', 3_900],
] as const

/**
 * Shorter than in life, and in its order: a workflow that completes soon after delivery does so before the opens; one that
 * stays for them (ENGAGEMENT_WINDOW, until 0.3.3) completes after them.
 */
const settings = { LINGER_AFTER_SETTLED: '45s', ENGAGEMENT_WINDOW: '165s' }
const [lingerMs, engagementWindowMs] = [45_000, 165_000]
/** How late the last of a crowd may be. */
const longestClosingMs = 20_000
const [warmUpMs, idleMs] = [4_000, 6_000]

export interface OpenedEmailsCost {
  /** CPU time an email, without what an idle worker takes in the same time. */
  readonly workerMs: number
  /** The same, of each worker: delivery; what is left until the first open, and that; the second open; what is left. */
  readonly eachWorkerMs: readonly number[]
  readonly apiMs: number
  /** CPU time that an idle worker takes a second. */
  readonly idleWorkerMsPerSecond: number
  readonly openAtEnd: number
}

async function post(api: Role, emailId: string, type: string, nth = 0): Promise<void> {
  const { body, headers } = webhookOf({ id: `${emailId}/${type}/${nth}`, emailId, type })
  const response = await fetch(`${api.url}/webhooks/aisend`, { method: 'POST', headers, body })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`a webhook was answered ${response.status}`)
}

/** Begins an email every `1 / perSecond` seconds; resolves when all that happens to all of them is acknowledged. */
async function eachAt(emails: number, perSecond: number, happen: (emailId: string) => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  const underWay: Promise<void>[] = []
  for (let nth = 0; nth < emails; nth++) {
    await sleep(Math.max(0, startedAt + (nth / perSecond) * 1_000 - performance.now()))
    underWay.push(happen(`${idPrefix}${nth}`))
  }
  await Promise.all(underWay)
}

async function beDelivered(api: Role, emailId: string): Promise<void> {
  const startedAt = performance.now()
  for (const [type, atMs] of steps) {
    await sleep(Math.max(0, startedAt + atMs - performance.now()))
    await post(api, emailId, type)
  }
}

/** A process that is measured from when it has come to rest. */
class MeasuredWorker {
  readonly #role: Role
  readonly idleMsPerMs: number
  readonly #cpuMs: number
  readonly #sinceMs = performance.now()

  private constructor(role: Role, idleMsPerMs: number) {
    this.#role = role
    this.idleMsPerMs = idleMsPerMs
    this.#cpuMs = cpuMsOf([role.pid])
  }

  static async start(servers: RoleServers): Promise<MeasuredWorker> {
    const role = await startRole('worker', servers, { settings })
    await sleep(warmUpMs)
    const before = cpuMsOf([role.pid])
    await sleep(idleMs)
    return new MeasuredWorker(role, (cpuMsOf([role.pid]) - before) / idleMs)
  }

  /** @returns what it has spent on work; it ends. */
  async stop(): Promise<number> {
    const idle = this.idleMsPerMs * (performance.now() - this.#sinceMs)
    const spent = cpuMsOf([this.#role.pid]) - this.#cpuMs - idle
    await this.#role.stop()
    return spent
  }
}

/** @returns how many are still open at the time, by `performance.now()`. */
async function untilClosed(temporalAddress: string, untilMs: number): Promise<number> {
  for (;;) {
    const open = await countOpenWorkflows(temporalAddress)
    if (open === 0 || performance.now() > untilMs) return open
    await sleep(1_000)
  }
}

/** One worker after the other, each for what happens at its time. */
export async function measureOpenedEmails(
  servers: RoleServers,
  emails: number,
  perSecond: number,
): Promise<OpenedEmailsCost> {
  const api = await startRole('api', servers, { settings })
  const apiBefore = cpuMsOf([api.pid])
  const idles: number[] = []
  const spentMs: number[] = []
  const withNewWorker = async (work: () => Promise<void>) => {
    const worker = await MeasuredWorker.start(servers)
    idles.push(worker.idleMsPerMs)
    await work()
    spentMs.push(await worker.stop())
  }
  const open = (nth: number) => eachAt(emails, perSecond, (emailId) => post(api, emailId, 'opened', nth))
  let settledAt = 0
  await withNewWorker(async () => {
    await eachAt(emails, perSecond, (emailId) => beDelivered(api, emailId))
    settledAt = performance.now()
    await untilApplied(api)
  })
  await withNewWorker(async () => {
    await sleep(Math.max(0, settledAt + lingerMs + 5_000 - performance.now()))
    await open(1)
    await untilApplied(api)
  })
  await withNewWorker(async () => {
    await open(2)
    await untilApplied(api)
  })
  let openAtEnd = 0
  await withNewWorker(async () => {
    openAtEnd = await untilClosed(servers.temporalAddress, settledAt + engagementWindowMs + longestClosingMs)
  })
  const apiMs = cpuMsOf([api.pid]) - apiBefore
  await api.stop()
  const idleWorkerMsPerSecond = (idles.reduce((sum, idle) => sum + idle, 0) / idles.length) * 1_000
  const eachWorkerMs = spentMs.map((spent) => spent / emails)
  const workerMs = eachWorkerMs.reduce((sum, spent) => sum + spent, 0)
  return { workerMs, eachWorkerMs, apiMs: apiMs / emails, idleWorkerMsPerSecond, openAtEnd }
}
