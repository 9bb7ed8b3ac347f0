import assert from 'node:assert/strict'
import type { ProviderApi } from '../../src/providers/provider-api.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi } from './served.ts'

const dayMs = 86_400_000

describe('/v1/reconciliations', () => {
  const { db } = useDatabase('reconciliations')
  const started: string[] = []
  const comparable: ProviderApi = {
    fetchEvents: async () => [],
    history: {
      retainedMs: 30 * dayMs,
      requestsPerSecond: 1,
      delayMs: 60_000,
      read: async () => ({ events: [], next: null }),
    },
  }
  const served = useApi(() => ({
    db,
    providerApis: new Map([
      ['sendgrid', comparable],
      ['aisend', { fetchEvents: async () => [] }],
    ]),
    reconciliations: {
      start: async () => false,
      async ask(provider) {
        started.push(provider)
      },
    },
  }))
  const ask = (body: object) => served.call('POST', '/v1/reconciliations', body)

  it('starts the workflow of the provider for the window that is asked for, and lists it', async () => {
    const since = new Date(Date.now() - 3 * dayMs).toISOString()
    const response = await ask({ provider: 'sendgrid', since, dryRun: true })
    assert.equal(response.status, 202)
    const run = (await response.json()) as { id: string; from: string; dryRun: boolean; startedBy: string }
    assert.deepEqual([run.from, run.dryRun, run.startedBy], [since, true, 'environment'])
    assert.deepEqual(started.splice(0), ['sendgrid'])
    const { data } = (await (await served.call('GET', '/v1/reconciliations?provider=sendgrid')).json()) as {
      data: { id: string; finishedAt: string | null }[]
    }
    assert.deepEqual(
      data.map(({ id, finishedAt }) => [id, finishedAt]),
      [[run.id, null]],
    )
  })

  it('goes no further back than the provider’s record, and allows one run at a time', async () => {
    const first = (await (await ask({ provider: 'sendgrid', since: '2020-01-01T00:00:00Z' })).json()) as {
      from: string
    }
    assert.ok(Math.abs(Date.parse(first.from) - (Date.now() - 30 * dayMs)) < 60_000)
    assert.equal((await ask({ provider: 'sendgrid' })).status, 409)
  })

  it('audits a provider without a record too, and says what each API can do', async () => {
    const response = await ask({ provider: 'aisend', kind: 'audit' })
    assert.equal(response.status, 202)
    const { id } = (await response.json()) as { id: string }
    const run = (await (await served.call('GET', `/v1/reconciliations/${id}`)).json()) as object
    assert.deepEqual({ ...run, kind: 'audit', statement: null }, run)
    const { data } = (await (await served.call('GET', '/v1/providers')).json()) as { data: object[] }
    assert.deepEqual(data, [
      { provider: 'sendgrid', hasRecord: true, readsLists: false, writesLists: false },
      { provider: 'aisend', hasRecord: false, readsLists: false, writesLists: false },
    ])
    const pushed = await served.call('POST', '/v1/suppressions/push', { provider: 'sendgrid' })
    assert.match(JSON.stringify(await pushed.json()), /no provider with which this is possible/)
  })

  it('refuses a provider without a record, and says which have one', async () => {
    for (const provider of ['aisend', 'postmark']) {
      const { errors } = await problemIn(await ask({ provider }))
      assert.equal(errors?.[0]?.message, 'must be one of: sendgrid')
    }
    const tooLate = { provider: 'sendgrid', since: new Date(Date.now() - 1_000).toISOString() }
    assert.equal((await ask(tooLate)).status, 400)
  })
})
