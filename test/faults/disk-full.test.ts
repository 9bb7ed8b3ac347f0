import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createDatabase, type Database } from '../../src/db/database.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import { type EmbeddedPostgres, startPostgres } from '../../src/embedded/postgres.ts'
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { webhookSecret } from '../api/served.ts'
import { unclaimAll } from '../db/stored.ts'
import { assertAppliedOnce } from '../inbox/instance.ts'
import { temporaryFolder, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { type Started, startInstance } from './in-process.ts'

const ignore = () => {}

describe('faults: the disk of PostgreSQL is full', function () {
  this.timeout(150_000)
  let volume: string
  let postgres: EmbeddedPostgres
  let db: Database
  let system: Started

  before(async function () {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      console.log('      skipped: only root on Linux can mount the small volume that this needs')
      return this.skip()
    }
    volume = await temporaryFolder()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=0711', 'tmpfs', volume])
    postgres = await startPostgres({ dataDir: volume, report: ignore })
    await applyMigrations({ databaseUrl: postgres.url })
    db = createDatabase({ url: postgres.url })
    system = await startInstance({ databaseUrl: postgres.url, temporalAddress: await testTemporal() }, 'all')
  })
  after(async () => {
    if (!volume) return
    await system?.stop()
    await db?.$disconnect()
    await postgres?.stop()
    execFileSync('umount', [volume])
  })

  it('answers 503 while nothing can be stored, then continues, and loses nothing', async () => {
    const acknowledged: string[] = []
    const refused: number[] = []
    const send = async (): Promise<void> => {
      const id = `evt_${acknowledged.length + refused.length}`
      const startedAt = performance.now()
      const response = await postLargeOpen(system.url, id)
      if (response.status === 200) return void acknowledged.push(id)
      assert.equal(response.status, 503)
      assert.match(response.headers.get('retry-after') ?? '', /^[1-9]\d*$/)
      refused.push(performance.now() - startedAt)
    }
    for (let sent = 0; sent < 20; sent += 1) await send()
    assert.equal(refused.length, 0)
    const filler = join(volume, 'filler')
    fill(filler, volume)
    while (refused.length < 10) await send()
    const acknowledgedBefore = acknowledged.length
    rmSync(filler)
    const roomAt = performance.now()
    await until(async () => {
      await send()
      return acknowledged.length > acknowledgedBefore
    }, 60_000)
    const againAfterMs = performance.now() - roomAt
    await unclaimAll(db)
    await assertAppliedOnce(db, acknowledged, 60_000)
    console.log(
      `      ${refused.length} refused, the slowest after ${Math.round(Math.max(...refused))} ms; ` +
        `acknowledged again ${Math.round(againAfterMs)} ms after there was room`,
    )
    assert.ok(Math.max(...refused) < 3_000)
  })
})

/** Fills the volume. */
function fill(path: string, volume: string): void {
  const { bavail, bsize } = statfsSync(volume)
  try {
    writeFileSync(path, Buffer.alloc(bavail * bsize))
    for (;;) writeFileSync(path, Buffer.alloc(bsize), { flag: 'a' })
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
}

/** An open whose payload cannot be compressed, so that each needs space. */
function postLargeOpen(url: string, id: string): Promise<Response> {
  const data = { email_id: 'em_large', to: ['ada@example.com'], note: randomBytes(50_000).toString('base64') }
  const body = JSON.stringify({ id, type: 'email.opened', data })
  const headers = { 'content-type': 'application/json', 'x-webhook-signature': aisendSignature(body, webhookSecret) }
  return fetch(`${url}/webhooks/aisend`, { method: 'POST', headers, body })
}
