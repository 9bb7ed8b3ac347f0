/**
 * `npm run bench:ack`: durable acknowledgements per second of the receiver, against a bare Koa handler with the same HMAC
 * and JSON that stores nothing. Rounds alternate, so that a machine whose speed drifts treats both alike.
 */
import pg from 'pg'
import { type LoadResult, load } from './load.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { benchPostgres, startProcess } from './servers.ts'
import { nextWebhook, webhookSecret } from './webhook-requests.ts'

const rounds = 3
const secondsPerRun = 8
const connections = 50

/** More requests than any run can send. */
const fastestPerSecond = 60_000

const run = (port: number, seconds: number): Promise<LoadResult> => {
  const requests = Array.from({ length: seconds * fastestPerSecond }, nextWebhook)
  return load({ port, connections, seconds, requests })
}

/** As many as were acknowledged: every request is answered before the load ends, and no event is sent twice. */
async function countStored(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ count: number }>('SELECT count(*)::int AS count FROM events')
  await client.end()
  return rows[0]?.count ?? 0
}

const postgres = await benchPostgres()
const bare = await startProcess('bare-receiver.ts', [webhookSecret])
const ours = await startProcess('receiver.ts', [postgres.url, webhookSecret])
const runs: { bare: LoadResult; ours: LoadResult }[] = []
const warmUps = [await run(bare.port, 2), await run(ours.port, 2)]
for (let round = 0; round < rounds; round++) {
  runs.push({ bare: await run(bare.port, secondsPerRun), ours: await run(ours.port, secondsPerRun) })
}
const acknowledged = runs.reduce((sum, pair) => sum + pair.ours.acks, warmUps[1]?.acks ?? 0)
const stored = await countStored(postgres.url)
bare.stop()
ours.stop()
await postgres.stop()

const of = (which: 'bare' | 'ours', figure: keyof LoadResult) => median(runs.map((pair) => pair[which][figure]))
const ratio = median(runs.map(({ ours: mine, bare: limit }) => mine.acksPerSecond / limit.acksPerSecond))
const p99Ratio = median(runs.map(({ ours: mine, bare: limit }) => mine.p99Ms / limit.p99Ms))
console.log(
  `\n${machine()}, ${revision()}; ${connections} connections, medians of ${rounds} rounds of ${secondsPerRun} s\n`,
)
console.table({
  'bare Koa, nothing stored': row('bare'),
  'Aftersend, durable': row('ours'),
})
console.log(`acks: ${ratio.toFixed(2)} of bare Koa (goal 0.60: ${verdict(ratio >= 0.6)})`)
console.log(`p99:  ${p99Ratio.toFixed(2)} times bare Koa's (goal 3: ${verdict(p99Ratio <= 3)})`)
console.log(`acknowledged ${acknowledged}, stored ${stored} (goal: as many: ${verdict(stored === acknowledged)})`)
process.exit(stored === acknowledged ? 0 : 1)

function row(which: 'bare' | 'ours') {
  return {
    'acks/s': Math.round(of(which, 'acksPerSecond')),
    'p50 ms': Number(of(which, 'p50Ms').toFixed(1)),
    'p99 ms': Number(of(which, 'p99Ms').toFixed(1)),
  }
}
