/** A whole system of real processes, with fault proxies to the servers. */
import type { Client } from '@temporalio/client'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts'
import type { EmbeddedTemporal } from '../../src/embedded/temporal.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { workflowIdOf } from '../../src/temporal/email-workflows.ts'
import { ownPostgres, ownTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { FaultProxy } from './fault-proxy.ts'
import { OpensProvider } from './opens-provider.ts'
import { SystemProcess } from './system-process.ts'

export interface RigOptions {
  readonly apis?: number
  readonly workers?: number
  /** Further settings of every process, by their variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** The proxies to a server: one per role, so that a server can be down for one role only. */
interface Proxies {
  readonly api: FaultProxy
  readonly worker: FaultProxy
}

export class Rig {
  readonly apis: SystemProcess[] = []
  readonly workers: SystemProcess[] = []
  readonly postgres: EmbeddedPostgres
  readonly temporal: EmbeddedTemporal
  readonly toPostgres: Proxies
  readonly toTemporal: Proxies
  /** Connected directly, without faults. */
  readonly db: Database
  readonly client: Client
  readonly #env: Readonly<Record<string, string>>

  private constructor(
    postgres: EmbeddedPostgres,
    temporal: EmbeddedTemporal,
    proxies: [Proxies, Proxies],
    env: RigOptions['env'],
  ) {
    this.postgres = postgres
    this.temporal = temporal
    ;[this.toPostgres, this.toTemporal] = proxies
    this.db = createDatabase({ url: postgres.url })
    this.client = createTemporalClient({ address: temporal.address, namespace: 'default', security: {} })
    this.#env = env ?? {}
  }

  /** Servers as durable as those of `npm start`. */
  static async start({ apis = 1, workers = 1, env }: RigOptions = {}): Promise<Rig> {
    const [postgres, temporal] = await Promise.all([ownPostgres({ durable: true }), ownTemporal({ durable: true })])
    await applyMigrations({ databaseUrl: postgres.url })
    const proxies = [await proxiesTo(postgres.port), await proxiesTo(portOf(temporal))] as [Proxies, Proxies]
    const rig = new Rig(postgres, temporal, proxies, env)
    for (let n = 0; n < apis; n += 1) await rig.add('api')
    for (let n = 0; n < workers; n += 1) await rig.add('worker')
    return rig
  }

  async add(role: 'api' | 'worker'): Promise<SystemProcess> {
    const started = await SystemProcess.start({
      role,
      databaseUrl: this.postgres.url.replace(`:${this.postgres.port}/`, `:${this.toPostgres[role].port}/`),
      temporalAddress: `127.0.0.1:${this.toTemporal[role].port}`,
      client: this.client,
      env: this.#env,
    })
    this[role === 'api' ? 'apis' : 'workers'].push(started)
    return started
  }

  provider = (perSecond: number, emails: number): OpensProvider =>
    new OpensProvider({ urls: this.apis.map(({ url }) => url), perSecond, emails })

  appliedCount = (): Promise<number> => this.db.event.count({ where: { appliedAt: { not: null } } })

  /** Resolves with the milliseconds until one more event is applied than there are now. */
  async untilMoreApplied(): Promise<number> {
    const [before, startedAt] = [await this.appliedCount(), performance.now()]
    await until(async () => (await this.appliedCount()) > before, 60_000)
    return performance.now() - startedAt
  }

  historyOf = async (emailId: string) =>
    (await this.client.workflow.getHandle(workflowIdOf({ provider: 'aisend', emailId })).fetchHistory()).events ?? []

  async failedWorkflows(): Promise<number> {
    const query = 'ExecutionStatus IN ("Failed", "Terminated", "TimedOut", "Canceled")'
    return (await this.client.workflow.count(query)).count
  }

  /** Ends all faults. */
  async restore(): Promise<void> {
    await Promise.all(
      [this.toPostgres, this.toTemporal].flatMap(({ api, worker }) => [api.restore(), worker.restore()]),
    )
  }

  async stop(): Promise<void> {
    await Promise.all([...this.apis, ...this.workers].map((started) => started.end('SIGKILL')))
    for (const { api, worker } of [this.toPostgres, this.toTemporal]) {
      api.close()
      worker.close()
    }
    await this.client.connection.close()
    await this.db.$disconnect()
    await this.temporal.stop()
    await this.postgres.stop()
  }
}

const portOf = ({ address }: EmbeddedTemporal): number => Number(address.split(':')[1])

const proxiesTo = async (port: number): Promise<Proxies> => ({
  api: await FaultProxy.to(port),
  worker: await FaultProxy.to(port),
})
