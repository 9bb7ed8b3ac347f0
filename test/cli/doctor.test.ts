import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { clockFinding, type Finding } from '../../src/cli/doctor/finding.ts'
import { runCommandLine } from '../../src/cli/program.ts'
import { readEventMonths } from '../../src/db/event-months.ts'
import type { WebhookSource } from '../../src/providers/provider.ts'
import { providers } from '../../src/providers/registry.ts'
import { createTemporalConnection } from '../../src/temporal/connection.ts'
import { ensureSearchAttributes } from '../../src/temporal/search-attributes.ts'
import { apiKey, type Served, serve, webhookSecret } from '../api/served.ts'
import { startApiStandIn } from '../providers/api-stand-in.ts'
import { ownTemporal, temporaryFolder, testDatabase, useDatabase } from '../stack.ts'

describe('aftersend doctor', function () {
  this.timeout(60_000)
  const database = useDatabase()
  let served: Served
  let env: Record<string, string>

  before(async () => {
    served = await serve({ db: database.db })
    // A Temporal of its own: the shared one lists workers of other tests for minutes after they have stopped.
    const { address } = await ownTemporal()
    const connection = createTemporalConnection({ address, namespace: 'default', security: {} })
    await ensureSearchAttributes(connection, 'default')
    await connection.close()
    env = {
      DATA_DIR: await temporaryFolder(),
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: address,
      AISEND_WEBHOOK_SECRET: webhookSecret,
      API_KEYS: apiKey,
      ERASURE_KEY: 'an erasure key of the tests, 0001',
      PORT: String(served.port),
    }
  })
  after(() => served.stop())

  async function runDoctor(changes: Record<string, string> = {}, ...args: string[]) {
    let out = ''
    const context = {
      env: { ...env, ...changes },
      print: (text: string) => {
        out += text
      },
      output: new PassThrough(),
      progress: process.stderr,
      stdin: Readable.from([]),
      signal: new AbortController().signal,
    }
    const code = await runCommandLine(['doctor', '--json', ...args], context, (message) => assert.fail(message))
    const { well, findings } = JSON.parse(out) as { well: boolean; findings: Finding[] }
    assert.equal(code, well ? 0 : 1)
    for (const { state, todo } of findings) assert.equal(todo === null, state === 'well')
    const findingOf = (check: string) => findings.find((finding) => finding.check === check)
    return { well, findings, findingOf, stateOf: (check: string) => findingOf(check)?.state }
  }

  it('finds no problem but the missing worker', async () => {
    const { well, findings, stateOf } = await runDoctor()
    assert.ok(well, JSON.stringify(findings))
    // No worker polls at all.
    assert.equal(stateOf('workers'), 'warning')
    const others = findings.filter(({ check }) => check !== 'workers')
    assert.deepEqual(
      others.map(({ check, state }) => [check, state]),
      [
        'configuration',
        'database',
        'tables',
        'months of events',
        'clock of PostgreSQL',
        'temporal',
        'search attributes',
        'clock of Temporal',
        'api',
        'readiness',
        'signals to Temporal',
        'api key',
        'clock of the API',
        'webhook aisend',
      ].map((check) => [check, 'well']),
    )
  })

  it('finds that no build of a deployment is current, and says how to promote one', async () => {
    const { findingOf } = await runDoctor({ WORKER_DEPLOYMENT: 'aftersend' })
    assert.equal(findingOf('deployment')?.state, 'wrong')
    assert.match(findingOf('deployment')?.todo ?? '', /deployment promote/)
  })

  it('finds that the API does not reach Temporal, or that Temporal refuses its signals, although Temporal answers here', async () => {
    for (const [state, finding] of [
      ['away', /does not reach Temporal/],
      ['refused', /refuses the signals of the API/],
    ] as const) {
      const temporalStatus = () => ({ state, since: 1, detail: 'no' })
      const other = await serve({ db: database.db, temporalStatus })
      other.emailWorkflows.reachable = state === 'refused'
      const { stateOf, findingOf } = await runDoctor({ PORT: String(other.port) })
      assert.deepEqual([stateOf('readiness'), stateOf('temporal')], ['well', 'well'])
      assert.match(findingOf('signals to Temporal')?.found ?? '', finding)
      await other.stop()
    }
  })

  it('stores nothing of its test request', async () => {
    await runDoctor()
    assert.deepEqual(served.inbox.events, [])
  })

  it('finds another secret, another key and an account that the server does not have', async () => {
    const { stateOf, findingOf } = await runDoctor({
      AISEND_WEBHOOK_SECRET: 'another-secret-of-tests',
      AISEND_WEBHOOK_SECRET_EU: 'one-more-secret-of-tests',
      API_KEYS: 'another-key-of-the-tests',
    })
    assert.match(findingOf('webhook aisend')?.found ?? '', /401/)
    assert.match(findingOf('webhook aisend/eu')?.found ?? '', /404/)
    assert.equal(stateOf('api key'), 'wrong')
  })

  it('accepts what each provider’s webhook answers to a genuine request without an event', async () => {
    const signing = providers.filter(({ signsWithItsSecret }) => signsWithItsSecret)
    const secretOf = new Map(signing.map(({ name, generateSecret }) => [name, generateSecret().signing]))
    const sources = signing.map(({ name, create }): [string, WebhookSource] => [
      name,
      {
        provider: create({ fetch, clock: Date.now, tokens: { claim: async () => true } }),
        secrets: [secretOf.get(name) ?? ''],
      },
    ])
    const other = await serve({ db: database.db, webhooks: new Map(sources) })
    const secrets = Object.fromEntries(signing.map(({ name, variable }) => [variable, secretOf.get(name) ?? '']))
    const { stateOf } = await runDoctor({ ...secrets, PORT: String(other.port) })
    assert.deepEqual(
      signing.map(({ name }) => [name, stateOf(`webhook ${name}`)]),
      signing.map(({ name }) => [name, 'well']),
    )
    await other.stop()
  })

  it('skips the webhook of a provider that signs with a private key', async () => {
    const topic = { SES_TOPIC_ARNS: 'arn:aws:sns:eu-west-1:123456789012:email-events' }
    assert.equal((await runDoctor(topic)).stateOf('webhook ses'), 'skipped')
  })

  it('finds servers that do not answer, and prints no password', async () => {
    const unreachable = {
      DATABASE_URL: 'postgresql://u:hunter2@127.0.0.1:1/x',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      PORT: '1',
    }
    const { stateOf, findings } = await runDoctor(unreachable)
    assert.deepEqual(['database', 'temporal', 'api'].map(stateOf), ['wrong', 'wrong', 'wrong'])
    assert.doesNotMatch(JSON.stringify(findings), /hunter2/)
  })

  it('finds a database without tables, and a missing namespace', async () => {
    const changes = { DATABASE_URL: database.url.replace(/test_\w+$/, 'postgres'), TEMPORAL_NAMESPACE: 'nowhere' }
    const { stateOf, findingOf } = await runDoctor(changes)
    assert.deepEqual([stateOf('database'), stateOf('tables')], ['well', 'wrong'])
    assert.match(findingOf('temporal')?.todo ?? '', /namespace create --namespace nowhere/)
  })

  it('warns when event partitions exist for less than a month ahead, and names the schedule', async () => {
    const late = await testDatabase()
    try {
      const [first, ...ahead] = await readEventMonths(late.db)
      for (const { name } of ahead) await late.db.pool.query(`DROP TABLE ${name}`)
      const endFirst = async (inDays: number) => {
        const ends = new Date(Date.now() + inDays * 86_400_000).toISOString()
        await late.db.pool.query(`ALTER TABLE events DETACH PARTITION ${first?.name}`)
        await late.db.pool.query(
          `ALTER TABLE events ATTACH PARTITION ${first?.name} FOR VALUES FROM (MINVALUE) TO ('${ends}')`,
        )
        return runDoctor({ DATABASE_URL: late.url })
      }
      const enough = await endFirst(32)
      assert.equal(enough.stateOf('months of events'), 'well')
      const { well, findingOf } = await endFirst(30)
      assert.deepEqual([well, findingOf('months of events')?.state], [true, 'warning'])
      assert.match(findingOf('months of events')?.todo ?? '', /keep-event-months/)
    } finally {
      await late.drop()
    }
  })

  it('finds a public URL that cannot be reached', async () => {
    assert.equal((await runDoctor({}, '--public-url', 'http://127.0.0.1:1')).stateOf('webhook aisend'), 'wrong')
  })

  it('finds a provider that refuses the key, does not answer, or has no webhook for the public URL', async () => {
    const resend = await startApiStandIn()
    const finding = async (...args: string[]) => {
      const changes = { RESEND_API_KEY: 're_123', RESEND_API_URL: resend.apiUrl }
      return (await runDoctor(changes, ...args)).findingOf('api of Resend')
    }
    resend.answerWith(200, { data: [{ id: 'wh_1', endpoint: 'https://mail.example.com/webhooks/resend', events: [] }] })
    assert.equal((await finding())?.state, 'well')
    const elsewhere = await finding('--public-url', served.url)
    assert.deepEqual([elsewhere?.state, /webhooks register/.test(elsewhere?.todo ?? '')], ['warning', true])
    resend.answerWith(401, {})
    assert.deepEqual([(await finding())?.state, /RESEND_API_KEY/.test((await finding())?.todo ?? '')], ['wrong', true])
    resend.close()
    assert.equal((await finding())?.state, 'warning')
  })

  it('reports all invalid variables of the configuration, and nothing else', async () => {
    const { findings } = await runDoctor({ PORT: '70000', STALL_AFTER_BULK: 'soon' })
    assert.match(findings[0]?.found ?? '', /PORT[\s\S]*STALL_AFTER_BULK/)
    assert.equal(findings.length, 1)
  })

  it('allows for the measurement error when it compares clocks', () => {
    const states = [
      [500, 0],
      [1_500, 0],
      [1_500, 1_000],
      [-40_000, 100],
    ] as const
    assert.deepEqual(
      states.map(([aheadMs, errorMs]) => clockFinding('x', aheadMs, errorMs).state),
      ['well', 'warning', 'well', 'wrong'],
    )
    assert.match(clockFinding('x', -40_000, 0).found, /40\.0 s behind/)
  })
})
