/**
 * `npm run bench:ack`: durable acknowledgements per second of the receiver, against the least that is durable
 * (bench/minimal-receiver.ts), and against a bare Koa handler that stores nothing (bench/bare-receiver.ts). Rounds
 * alternate, so that a machine whose speed drifts treats all alike.
 */
import pg from 'pg'
import { type LoadResult, load } from './load.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { cpuMsOf, cpuMsOfServer } from './roles.ts'
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
async function countStored(url: string, table: 'events' | 'minimal_events'): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`)
  await client.end()
  return rows[0]?.count ?? 0
}

const postgres = await benchPostgres()
const receivers = {
  bare: await startProcess('bare-receiver.ts', [webhookSecret]),
  minimal: await startProcess('minimal-receiver.ts', [postgres.url, webhookSecret]),
  ours: await startProcess('receiver.ts', [postgres.url, webhookSecret]),
}
type Contestant = keyof typeof receivers
const contestants = Object.keys(receivers) as Contestant[]

interface Result extends LoadResult {
  /** CPU time an acknowledgement. */
  readonly receiverUs: number
  readonly postgresUs: number
}

async function measure(
  { port, pid }: { readonly port: number; readonly pid: number },
  seconds: number,
): Promise<Result> {
  const cpuMs = () => ({ receiver: cpuMsOf([pid]), postgres: cpuMsOfServer(postgres.pid) })
  const before = cpuMs()
  const result = await run(port, seconds)
  const after = cpuMs()
  const each = (name: keyof typeof before) => ((after[name] - before[name]) * 1_000) / result.acks
  return { ...result, receiverUs: each('receiver'), postgresUs: each('postgres') }
}

const results: Record<Contestant, Result[]> = { bare: [], minimal: [], ours: [] }
const acknowledged: Record<Contestant, number> = { bare: 0, minimal: 0, ours: 0 }
for (let round = 0; round <= rounds; round++) {
  for (const contestant of contestants) {
    const result = await measure(receivers[contestant], round === 0 ? 2 : secondsPerRun)
    acknowledged[contestant] += result.acks
    // The first round warms up.
    if (round > 0) results[contestant].push(result)
  }
}
const stored = {
  minimal: await countStored(postgres.url, 'minimal_events'),
  ours: await countStored(postgres.url, 'events'),
}
for (const contestant of contestants) receivers[contestant].stop()
await postgres.stop()

const figure = (contestant: Contestant, name: keyof Result) => median(results[contestant].map((each) => each[name]))

/** The median of the rounds' own ratios: the machine's drift falls out of it. */
const ratioTo = (reference: Contestant, name: keyof Result) =>
  median(results.ours.map((mine, round) => mine[name] / (results[reference][round]?.[name] ?? Number.NaN)))

console.log(
  `\n${machine()}, ${revision()}; ${connections} connections, medians of ${rounds} rounds of ${secondsPerRun} s\n`,
)
const row = (contestant: Contestant) => ({
  'acks/s': Math.round(figure(contestant, 'acksPerSecond')),
  'p50 ms': Number(figure(contestant, 'p50Ms').toFixed(1)),
  'p99 ms': Number(figure(contestant, 'p99Ms').toFixed(1)),
  'CPU of receiver, µs': Math.round(figure(contestant, 'receiverUs')),
  'of PostgreSQL, µs': Math.round(figure(contestant, 'postgresUs')),
})
console.table({
  'bare Koa, nothing stored': row('bare'),
  'minimal durable receiver': row('minimal'),
  'Aftersend, durable': row('ours'),
})
const ofMinimal = ratioTo('minimal', 'acksPerSecond')
console.log(`acks: ${ofMinimal.toFixed(2)} of the minimal durable receiver (goal 0.85: ${verdict(ofMinimal >= 0.85)})`)
console.log(`acks: ${ratioTo('bare', 'acksPerSecond').toFixed(2)} of bare Koa`)
console.log(`p99:  ${ratioTo('minimal', 'p99Ms').toFixed(2)} times the minimal durable receiver’s`)
const isWhole = stored.ours === acknowledged.ours && stored.minimal === acknowledged.minimal
console.log(
  `acknowledged ${acknowledged.ours}, stored ${stored.ours} (goal: as many: ${verdict(isWhole)}; minimal: ${acknowledged.minimal}, ${stored.minimal})`,
)
process.exit(isWhole ? 0 : 1)
