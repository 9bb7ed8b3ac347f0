/**
 * `npm run bench:growth`: what acknowledgements, saves and the API's pages cost with little and with much stored. A database
 * of each size stands on one PostgreSQL, each with an API in front, and all are asked in turns.
 * `npm run bench:growth -- 10000 1000000` names other sizes, in events.
 */
import pg from 'pg'
import { createDatabase } from '../src/db/database.ts'
import { insertEvents } from '../src/db/events.ts'
import { saveSnapshot } from '../src/db/snapshots.ts'
import { emptySnapshot, foldEvents } from '../src/domain/lifecycle.ts'
import { lifecycleEventOf } from '../src/domain/received-event.ts'
import { benchEvent } from './bench-event.ts'
import { fill } from './bulk.ts'
import { load } from './load.ts'
import { machine, median, revision, verdict } from './machine.ts'
import { benchPostgres, startProcess } from './servers.ts'
import { nextWebhook, webhookSecret } from './webhook-requests.ts'

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 1_000_000, 10_000_000]
const goal = 1.3
const rounds = 25
const savesPerRound = 20
const ackRounds = 5
const apiKey = 'key-of-the-benchmark'

/** What is asked; pages as people and programs ask for them. */
const pages: Record<string, string> = {
  'emails, newest': '/v1/emails',
  'emails bounced': '/v1/emails?status=bounced',
  'emails critical': '/v1/emails?priority=critical',
  'emails to one person': '/v1/emails?recipient=a100@example0.com',
  'emails with a common tag': '/v1/emails?tag=campaign%207',
  'emails with a rare tag': '/v1/emails?tag=rare&limit=1',
  'one email': '/v1/emails/old_1000',
  'events, newest': '/v1/events',
  'events that wait': '/v1/events?state=pending',
  'suppressions, newest': '/v1/suppressions',
  'one suppression': '/v1/suppressions/s7@example.com',
  'escalations, newest': '/v1/escalations',
}

interface Subject {
  readonly events: number
  readonly url: string
  readonly port: number
  readonly times: Map<string, number[]>
  stop(): Promise<void>
}

async function start(postgresUrl: string, events: number): Promise<Subject> {
  const name = `grown_${events}`
  const client = new pg.Client({ connectionString: postgresUrl.replace(/aftersend$/, 'postgres') })
  await client.connect()
  await client.query(`CREATE DATABASE ${name} TEMPLATE aftersend`)
  await client.end()
  const url = postgresUrl.replace(/aftersend$/, name)
  const startedAt = performance.now()
  await fill(url, events)
  console.error(`${events} events stored in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`)
  const receiver = await startProcess('receiver.ts', [url, webhookSecret, apiKey])
  return { events, url, port: receiver.port, times: new Map(), stop: async () => receiver.stop() }
}

async function timed(subject: Subject, what: string, work: () => Promise<unknown>, times = 1): Promise<void> {
  const startedAt = performance.now()
  await work()
  const taken = (performance.now() - startedAt) / times
  subject.times.set(what, [...(subject.times.get(what) ?? []), taken])
}

async function askPages(subject: Subject): Promise<void> {
  for (const [what, path] of Object.entries(pages)) {
    await timed(subject, what, async () => {
      const response = await fetch(`http://127.0.0.1:${subject.port}${path}`, {
        headers: { authorization: `Bearer ${apiKey}` },
      })
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`)
      await response.arrayBuffer()
    })
  }
}

/** Events stored ahead, then saved one email after the other: the statement that the workflow's activity runs. */
async function saveOnce(subject: Subject, db: ReturnType<typeof createDatabase>): Promise<void> {
  const events = Array.from({ length: savesPerRound }, () => benchEvent('delivered'))
  await insertEvents(db, events)
  const saveAll = async () => {
    for (const event of events) {
      const { provider, emailId, id } = event
      const snapshot = foldEvents(emptySnapshot, [lifecycleEventOf(event)])
      const isSaved = await saveSnapshot(db, { provider, emailId, snapshot, expectedRevision: 0, eventIds: [id] })
      if (!isSaved) throw new Error('a save was refused')
    }
  }
  await timed(subject, 'save of a snapshot', saveAll, savesPerRound)
}

async function acknowledge(subject: Subject): Promise<void> {
  const requests = Array.from({ length: 80_000 }, nextWebhook)
  const { p99Ms, p50Ms } = await load({ port: subject.port, connections: 20, seconds: 2, requests })
  subject.times.set('ack, p99', [...(subject.times.get('ack, p99') ?? []), p99Ms])
  subject.times.set('ack, p50', [...(subject.times.get('ack, p50') ?? []), p50Ms])
}

async function measure(subjects: readonly Subject[]): Promise<void> {
  const databases = subjects.map(({ url }) => createDatabase({ url, poolSize: 1 }))
  for (let round = 0; round <= rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const db = databases[index]
      await askPages(subject)
      if (db) await saveOnce(subject, db)
      // The first round fills caches.
      if (round === 0) subject.times.clear()
    }
  }
  for (let round = 0; round < ackRounds; round++) for (const subject of subjects) await acknowledge(subject)
  await Promise.all(databases.map((db) => db.$disconnect()))
}

function report(subjects: readonly Subject[]): void {
  const rows = [...(subjects[0]?.times.keys() ?? [])].map((what) => {
    const figures = subjects.map(({ times }) => median(times.get(what) ?? []))
    const growth = (figures.at(-1) ?? Number.NaN) / (figures[0] ?? Number.NaN)
    const columns = subjects.map(({ events }, index) => [`${events} (ms)`, Number(figures[index]?.toFixed(2))])
    return [what, { ...Object.fromEntries(columns), growth: Number(growth.toFixed(2)), goal: verdict(growth <= goal) }]
  })
  console.log(
    `\n${machine()}, ${revision()}; medians of ${rounds} rounds (acks: of ${ackRounds}), by events stored; goal: ${goal} times\n`,
  )
  console.table(Object.fromEntries(rows))
}

const postgres = await benchPostgres()
try {
  const subjects: Subject[] = []
  for (const events of sizes) subjects.push(await start(postgres.url, events))
  await measure(subjects)
  report(subjects)
  await Promise.all(subjects.map((subject) => subject.stop()))
} finally {
  await postgres.stop()
}
process.exit(0)
