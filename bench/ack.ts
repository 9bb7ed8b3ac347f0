/**
 * `npm run bench:ack`: durable acknowledgements per second of the receiver, against a bare Koa handler with the same HMAC
 * and JSON that stores nothing. Rounds alternate, so that a machine whose speed drifts treats both alike.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import pg from 'pg'
import { signAisend } from '../src/providers/aisend.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { benchPostgres } from './servers.ts'

const rounds = 3
const secondsPerRun = 8
const connections = 50
const secret = 'secret of the benchmark'

interface Run {
  readonly acksPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly acks: number
}

/** Every event once, whatever run sends it. */
let nextEvent = 0
function nextRequest() {
  const id = nextEvent++
  const body = JSON.stringify({
    id: `evt_${id}`,
    type: 'email.delivered',
    created_at: '2026-11-24T12:00:00.000Z',
    data: { email_id: `em_${Math.floor(id / 4)}`, to: [`person${id}@example.com`], subject: 'Your invitation' },
  })
  return { body, signature: signAisend(body, secret) }
}

async function startProcess(file: string, args: string[]) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: ['--import', 'tsx'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { port, stop: () => child.disconnect() }
}

async function load(port: number, seconds: number): Promise<Run> {
  const prepared = Array.from({ length: seconds * 12_000 }, nextRequest)
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/webhooks/aisend`,
    connections,
    duration: seconds,
    requests: [
      {
        method: 'POST',
        setupRequest(request) {
          const { body, signature } = prepared.pop() ?? nextRequest()
          return { ...request, body, headers: { 'content-type': 'application/json', 'x-webhook-signature': signature } }
        },
      },
    ],
  })
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} errors`)
  const { p50, p99 } = result.latency
  return { acksPerSecond: result['2xx'] / result.duration, p50Ms: p50, p99Ms: p99, acks: result['2xx'] }
}

/** More may be stored than was acknowledged: what was under way when the load ended. Less would be a loss. */
async function countStored(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM events')
  await client.end()
  return rows[0]?.count ?? 0
}

const postgres = await benchPostgres()
const bare = await startProcess('bare-receiver.ts', [secret])
const ours = await startProcess('receiver.ts', [postgres.url, secret])
const runs: { bare: Run; ours: Run }[] = []
const warmUps = [await load(bare.port, 2), await load(ours.port, 2)]
for (let round = 0; round < rounds; round++) {
  runs.push({ bare: await load(bare.port, secondsPerRun), ours: await load(ours.port, secondsPerRun) })
}
const acknowledged = runs.reduce((sum, run) => sum + run.ours.acks, warmUps[1]?.acks ?? 0)
const stored = await countStored(postgres.url)
bare.stop()
ours.stop()
await postgres.stop()

const of = (which: 'bare' | 'ours', figure: keyof Run) => median(runs.map((run) => run[which][figure]))
const ratio = median(runs.map((run) => run.ours.acksPerSecond / run.bare.acksPerSecond))
const p99Ratio = median(runs.map((run) => run.ours.p99Ms / run.bare.p99Ms))
console.log(
  `\n${machine()}, ${revision()}; ${connections} connections, medians of ${rounds} rounds of ${secondsPerRun} s\n`,
)
console.table({
  'bare Koa, nothing stored': row('bare'),
  'Aftersend, durable': row('ours'),
})
console.log(`acks: ${ratio.toFixed(2)} of bare Koa (goal 0.60: ${verdict(ratio >= 0.6)})`)
console.log(`p99:  ${p99Ratio.toFixed(2)} times bare Koa's (goal 3: ${verdict(p99Ratio <= 3)})`)
console.log(`acknowledged ${acknowledged}, stored ${stored} (goal: none lost: ${verdict(stored >= acknowledged)})`)
process.exit(stored >= acknowledged ? 0 : 1)

function row(which: 'bare' | 'ours') {
  return {
    'acks/s': Math.round(of(which, 'acksPerSecond')),
    'p50 ms': of(which, 'p50Ms'),
    'p99 ms': of(which, 'p99Ms'),
  }
}
