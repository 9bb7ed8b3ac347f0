import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { runCommandLine } from '../../src/cli/program.ts'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { addManualSuppression, findActiveSuppressions } from '../../src/db/suppressions.ts'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { emptySnapshot } from '../../src/domain/lifecycle.ts'
import { serve } from '../api/served.ts'
import { store } from '../db/stored.ts'
import { type TestDatabase, temporaryFolder, testDatabase } from '../stack.ts'

const provider = 'aisend'
const [ada, bob, eve, grace] = ['ada@example.com', 'bob@example.com', 'eve@example.com', 'grace@example.com'] as const

describe('the ledger of erasures', () => {
  let live: TestDatabase
  let restored: Database
  let restoredUrl: string
  let folder: string
  const opened: Database[] = []

  before(async () => {
    folder = await temporaryFolder()
  })
  beforeEach(async () => {
    live = await testDatabase()
    await email(live.db, 'em_ada', [ada])
    await email(live.db, 'em_bob', [bob], { payload: `{"cc":"Eve <EVE@example.com>"}` })
    await email(live.db, 'em_both', [ada, grace])
    await addManualSuppression(live.db, 'default', ada)
    await restoreBackup()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((db) => db.$disconnect()))
    await onServer(`DROP DATABASE ${nameOf(restoredUrl)} WITH (FORCE)`)
    await live.drop()
  })

  const erasureKey = () => String(live.db.erasureKey)
  const nameOf = (url: string): string => new URL(url).pathname.slice(1)

  async function onServer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: live.url.replace(/[^/]+$/, 'postgres') })
    await client.connect()
    await client.query(statement)
    await client.end()
  }

  function open(url: string): Database {
    const db = createDatabase({ url, erasureKey: erasureKey() })
    opened.push(db)
    return db
  }

  /** A backup of this moment, in a database of its own: as pg_dump and pg_restore would make it. */
  async function restoreBackup(): Promise<void> {
    await live.db.$disconnect()
    restoredUrl = live.url.replace(/[^/]+$/, `${nameOf(live.url)}_restored`)
    await onServer(`CREATE DATABASE ${nameOf(restoredUrl)} TEMPLATE ${nameOf(live.url)}`)
    restored = open(restoredUrl)
    live = { ...live, db: open(live.url) }
  }

  /** Stores and applies an event of an email. */
  async function email(db: Database, emailId: string, to: string[], more: Partial<ReceivedEvent> = {}): Promise<void> {
    const id = `${emailId}/1`
    await store(db, {
      emailId,
      id,
      to,
      recipient: to[0] ?? null,
      subject: `For ${to}`,
      payload: `{"to":"${to}"}`,
      ...more,
    })
    await saveSnapshot(db, { provider, emailId, snapshot: emptySnapshot, expectedRevision: 0, eventIds: [id] })
  }

  async function run(url: string, args: readonly string[], stdin = '', env: Record<string, string> = {}) {
    const output = new PassThrough()
    const printed: string[] = []
    let failure = ''
    const context = {
      env: { DATA_DIR: folder, DATABASE_URL: url, ERASURE_KEY: erasureKey(), ...env },
      print: (line: string) => printed.push(line),
      output,
      progress: process.stderr,
      stdin: Readable.from([stdin]),
      signal: new AbortController().signal,
    }
    const code = await runCommandLine(['erasures', ...args], context, (why) => (failure += why))
    output.end()
    return { code, out: [...printed, await text(output)].filter(Boolean).join('\n'), failure }
  }

  const everything = async (db: Database): Promise<string> => {
    const tables = await Promise.all([
      ...[db.email.findMany(), db.emailRecipient.findMany(), db.event.findMany()],
      ...[db.suppression.findMany(), db.personErasure.findMany()],
    ])
    return JSON.stringify(tables, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  }
  const eraseLive = async (...addresses: string[]) => {
    for (const address of addresses) assert.ok((await eraseRecipient(live.db, address, 500)).isComplete)
  }

  it('names persons by keyed hashes only, and the key by its fingerprint', async () => {
    await eraseLive(ada)
    const { code, out } = await run(live.url, ['export'])
    assert.equal(code, 0)
    const [first = '', second = '', ...more] = out.trim().split('\n')
    assert.match(first, /^\{"keyFingerprint":"[0-9a-f]{64}"\}$/)
    assert.match(second, /^\{"key":"hmac-sha256:[0-9a-f]{64}","erasedAt":"20[^"]+Z"\}$/)
    assert.deepEqual(more, [])
    assert.ok(!out.includes(erasureKey()))
  })

  it('erases everybody again in a backup from before the erasure, also who is only in copy', async () => {
    await eraseLive(ada, 'eve@example.com')
    const file = join(folder, 'erasures.jsonl')
    assert.equal((await run(live.url, ['export', file])).code, 0)
    assert.doesNotMatch(readFileSync(file, 'utf8'), /@/)
    assert.match((await run(restoredUrl, ['export', file])).failure, /name a new file/)
    assert.match(await everything(restored), /ada.*/i)

    const { code, out } = await run(restoredUrl, ['reapply', file, '--json'])
    assert.equal(code, 0)
    const { persons, emails, events, suppressions } = JSON.parse(out)
    assert.deepEqual([persons, emails, events, suppressions], [2, 2, 3, 1])
    const left = await everything(restored)
    assert.doesNotMatch(left, /ada@|eve@/i)
    assert.match(left, /bob@.*grace@/)
    assert.equal((await findActiveSuppressions(restored, 'default', [ada])).length, 1)
    assert.equal(JSON.parse((await run(restoredUrl, ['reapply', file, '--json'])).out).persons, 0)
  })

  it('is in the logs of the API too, for erasures since the last export', async () => {
    const served = await serve({ db: live.db })
    const { complete } = (await (await served.call('POST', '/v1/recipients/erase', { address: ada })).json()) as {
      complete: boolean
    }
    assert.ok(complete)
    await served.stop()
    const log = served.logged.join('')
    assert.doesNotMatch(log, /ada@/)
    assert.equal((await run(restoredUrl, ['reapply', '-'], log)).code, 0)
    assert.doesNotMatch(await everything(restored), /ada@/)
  })

  it('keeps what was stored after the erasure, of a person who came back', async () => {
    await eraseLive(ada)
    await email(live.db, 'em_again', [ada])
    await addManualSuppression(live.db, 'default', eve)
    const { out } = await run(live.url, ['reapply', '--json'])
    assert.equal(JSON.parse(out).persons, 0)
    assert.deepEqual((await live.db.email.findFirst({ where: { id: 'em_again' } }))?.to, [ada])
  })

  it('is not applied with another key, nor from a damaged file', async () => {
    await eraseLive(ada)
    const { out } = await run(live.url, ['export'])
    const other = { ERASURE_KEY: 'another-erasure-key-of-the-tests' }
    const refused = await run(restoredUrl, ['reapply', '-'], out, other)
    assert.deepEqual([refused.code, /another ERASURE_KEY/.test(refused.failure)], [2, true])
    const damaged = await run(restoredUrl, ['reapply', '-'], out.slice(0, -20))
    assert.deepEqual([damaged.code, /line 2/.test(damaged.failure)], [2, true])
    writeFileSync(
      join(folder, 'log.jsonl'),
      '{"level":30,"time":1,"msg":"x"}\n{"level":30,"time":1,"audit":{"action":"key.create"}}\n',
    )
    const log = await run(restoredUrl, ['reapply', join(folder, 'log.jsonl'), '--json'])
    assert.deepEqual([log.code, JSON.parse(log.out).persons], [0, 0])
  })

  it('says what is missing: the key, or the tables of this version', async () => {
    assert.match((await run(live.url, ['export'], '', { ERASURE_KEY: '' })).failure, /ERASURE_KEY is not set/)
    await restored.$executeRaw`DROP TABLE erasures`
    const { code, failure } = await run(restoredUrl, ['export'])
    assert.deepEqual([code, /npm run migrate/.test(failure)], [2, true], failure)
  })
})
