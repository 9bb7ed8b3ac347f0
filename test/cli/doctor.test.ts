import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { clockFinding, type Finding } from '../../src/cli/doctor/finding.ts'
import { runCommandLine } from '../../src/cli/program.ts'
import { readEventMonths } from '../../src/db/event-months.ts'
import { createTemporalConnection } from '../../src/temporal/connection.ts'
import { ensureSearchAttributes } from '../../src/temporal/search-attributes.ts'
import { apiKey, type Served, serve, webhookSecret } from '../api/served.ts'
import { startApiStandIn } from '../providers/api-stand-in.ts'
import { ownTemporal, type TestDatabase, temporaryFolder, testDatabase } from '../stack.ts'

describe('aftersend doctor', function () {
  this.timeout(60_000)
  let database: TestDatabase
  let served: Served
  let env: Record<string, string>

  before(async () => {
    database = await testDatabase()
    served = await serve({ db: database.db })
    // Workers of other tests that poll the real task queue are told of for minutes.
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
  after(async () => {
    await served.stop()
    await database.drop()
  })

  async function examine(changes: Record<string, string> = {}, ...args: string[]) {
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
    const code = await runCommandLine(['doctor', '--json', ...args], context, (why) => assert.fail(why))
    const { well, findings } = JSON.parse(out) as { well: boolean; findings: Finding[] }
    assert.equal(code, well ? 0 : 1)
    for (const { state, todo } of findings) assert.equal(todo === null, state === 'well')
    const findingOf = (check: string) => findings.find((finding) => finding.check === check)
    return { well, findings, findingOf, stateOf: (check: string) => findingOf(check)?.state }
  }

  it('finds all well, but for what only is not so now', async () => {
    const { well, findings, stateOf } = await examine()
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
        'api key',
        'clock of the API',
        'webhook aisend',
      ].map((check) => [check, 'well']),
    )
  })

  it('stores nothing of the request that it tries the secret with', async () => {
    await examine()
    assert.deepEqual(served.inbox.events, [])
  })

  it('finds another secret, another key and an account that the server does not have', async () => {
    const { stateOf, findingOf } = await examine({
      AISEND_WEBHOOK_SECRET: 'another',
      AISEND_WEBHOOK_SECRET_EU: 'one-more',
      API_KEYS: 'another-key-of-the-tests',
    })
    assert.match(findingOf('webhook aisend')?.found ?? '', /401/)
    assert.match(findingOf('webhook aisend/eu')?.found ?? '', /404/)
    assert.equal(stateOf('api key'), 'wrong')
  })

  it('does not sign what only the provider can sign', async () => {
    const topic = { SES_TOPIC_ARNS: 'arn:aws:sns:eu-west-1:123456789012:email-events' }
    assert.equal((await examine(topic)).stateOf('webhook ses'), 'skipped')
  })

  it('finds servers that are away, each with what is to be done', async () => {
    const away = { DATABASE_URL: 'postgresql://u:hunter2@127.0.0.1:1/x', TEMPORAL_ADDRESS: '127.0.0.1:1', PORT: '1' }
    const { stateOf, findings } = await examine(away)
    assert.deepEqual(['database', 'temporal', 'api'].map(stateOf), ['wrong', 'wrong', 'wrong'])
    assert.doesNotMatch(JSON.stringify(findings), /hunter2/)
  })

  it('finds a database without tables, and a namespace that is not there', async () => {
    const changes = { DATABASE_URL: database.url.replace(/test_\w+$/, 'postgres'), TEMPORAL_NAMESPACE: 'nowhere' }
    const { stateOf, findingOf } = await examine(changes)
    assert.deepEqual([stateOf('database'), stateOf('tables')], ['well', 'wrong'])
    assert.match(findingOf('temporal')?.todo ?? '', /namespace create --namespace nowhere/)
  })

  it('warns when less than a month is made ahead for events, and says what makes them', async () => {
    const late = await testDatabase()
    try {
      const [, ...ahead] = await readEventMonths(late.db)
      for (const { name } of ahead) await late.db.pool.query(`DROP TABLE event_months.${name}`)
      const endFirst = async (inDays: number) => {
        const ends = new Date(Date.now() + inDays * 86_400_000).toISOString()
        await late.db.pool.query('ALTER TABLE events DETACH PARTITION event_months.events_first')
        await late.db.pool.query(
          `ALTER TABLE events ATTACH PARTITION event_months.events_first FOR VALUES FROM (MINVALUE) TO ('${ends}')`,
        )
        return examine({ DATABASE_URL: late.url })
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

  it('finds a public URL that leads nowhere', async () => {
    assert.equal((await examine({}, '--public-url', 'http://127.0.0.1:1')).stateOf('webhook aisend'), 'wrong')
  })

  it('finds a provider that refuses our key, does not answer, or posts to somebody else', async () => {
    const resend = await startApiStandIn()
    const finding = async (...args: string[]) => {
      const changes = { RESEND_API_KEY: 're_123', RESEND_API_URL: resend.apiUrl }
      return (await examine(changes, ...args)).findingOf('api of Resend')
    }
    resend.says(200, { data: [{ id: 'wh_1', endpoint: 'https://mail.example.com/webhooks/resend', events: [] }] })
    assert.equal((await finding())?.state, 'well')
    const elsewhere = await finding('--public-url', served.url)
    assert.deepEqual([elsewhere?.state, /webhooks register/.test(elsewhere?.todo ?? '')], ['warning', true])
    resend.says(401, {})
    assert.deepEqual([(await finding())?.state, /RESEND_API_KEY/.test((await finding())?.todo ?? '')], ['wrong', true])
    resend.close()
    assert.equal((await finding())?.state, 'warning')
  })

  it('tells every mistake of the configuration instead', async () => {
    const { findings } = await examine({ PORT: '70000', STALL_AFTER_BULK: 'soon' })
    assert.match(findings[0]?.found ?? '', /PORT[\s\S]*STALL_AFTER_BULK/)
    assert.equal(findings.length, 1)
  })

  it('takes clocks for wrong only as far as is known', () => {
    const states = [
      [500, 0],
      [1_500, 0],
      [1_500, 1_000],
      [-40_000, 100],
    ] as const
    assert.deepEqual(
      states.map(([ahead, exactness]) => clockFinding('x', ahead, exactness).state),
      ['well', 'warning', 'well', 'wrong'],
    )
    assert.match(clockFinding('x', -40_000, 0).found, /40\.0 s behind/)
  })
})
