import assert from 'node:assert/strict'
import { percentile } from '../../src/simulator/statistics.ts'
import { apiKey } from '../api/served.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'
import { type Started, startInstance } from './in-process.ts'
import { OpensProvider } from './opens-provider.ts'

const requests = 30
const acksBefore = 20
/** Of the pool that analytics use: without a cancellation, an abandoned statement runs until then. */
const statementTimeoutMs = 5_000

describe('analytics that PostgreSQL does not answer', () => {
  const database = useDatabase()
  let instance: Started
  let provider: OpensProvider
  before(async () => {
    instance = await startInstance({ databaseUrl: database.url, temporalAddress: '127.0.0.1:1' }, 'api')
    provider = new OpensProvider({ urls: [instance.url], perSecond: 60, emails: 20 })
  })
  after(async () => {
    await provider.stop()
    await instance.stop()
  })

  const askAnalytics = () =>
    Promise.all(
      Array.from({ length: requests }, async () => {
        const response = await fetch(`${instance.url}/v1/analytics/summary`, {
          headers: { authorization: `Bearer ${apiKey}` },
        })
        await response.arrayBuffer()
        return response.status
      }),
    )

  /** Runs `work` while the state of the roll-ups is locked. */
  const locked = <T>(work: () => Promise<T>): Promise<T> =>
    database.db.$transaction(
      async (transaction) => {
        await transaction.$executeRaw`LOCK TABLE analytics_state IN ACCESS EXCLUSIVE MODE`
        return await work()
      },
      { timeout: 60_000 },
    )

  const waitingForLock = async () => {
    const [row] = await database.db.$queryRaw<{ waiting: number }[]>`
      SELECT count(*)::int AS waiting FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`
    return row?.waiting
  }

  /** How long acknowledgements take that are sent while `work` runs; in milliseconds. */
  const medianAckMsDuring = async (work: () => Promise<unknown>): Promise<number> => {
    await until(() => provider.answers.length >= acksBefore)
    const from = Date.now()
    await work()
    const answers = provider.answersTo(from, Date.now())
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200])
    const times = answers.map(({ ms }) => ms)
    return percentile(times, 0.5) ?? Number.NaN
  }

  it('hold up no acknowledgement, and are cancelled when the request has been answered', async () => {
    const asked = performance.now()
    let waitedMs = 0
    const ackMs = await medianAckMsDuring(() =>
      locked(async () => {
        const statuses = await askAnalytics()
        waitedMs = performance.now() - asked
        assert.deepEqual([...new Set(statuses)], [503])
        const answeredAt = Date.now()
        await until(async () => (await waitingForLock()) === 0)
        assert.ok(Date.now() - answeredAt < statementTimeoutMs, 'statements of answered requests ran to their timeout')
      }),
    )
    assert.ok(ackMs < waitedMs / 4, `acknowledgements took ${ackMs} ms while analytics waited for ${waitedMs} ms`)
  })

  it('leave the API ready, and checks of suppressions answered', async () => {
    await locked(async () => {
      const asked = askAnalytics()
      await until(async () => (await waitingForLock()) !== 0)
      const answers = await Promise.all([
        fetch(`${instance.url}/readyz`).then((response) => response.json()),
        fetch(`${instance.url}/v1/suppressions/ada@example.com`, { headers: { authorization: `Bearer ${apiKey}` } }),
      ])
      assert.deepEqual([answers[0].postgresql, answers[1].status], [true, 200])
      await asked
    })
  })
})
