import assert from 'node:assert/strict'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { IngestRefusedError, ingest } from '../../src/ingest/ingest.ts'
import { entriesOfFile } from '../../src/ingest/sources.ts'
import { type MailServerEntry, mailServer, mailServerProof } from '../../src/providers/mail-server/webhook.ts'

const secret = mailServerProof.generateSecret().signing
const lineOf = (number: number) =>
  JSON.stringify({
    event: 'delivered',
    messageId: `m${number}@example.com`,
    recipient: 'a@example.org',
    at: '2026-11-30T10:00:00Z',
  })

describe('what a mail server logs', () => {
  let server: Server
  let url: string
  let folder: string
  let stored: string[]
  let statuses: number[]

  beforeEach(async () => {
    ;[stored, statuses] = [[], []]
    folder = await mkdtemp(join(tmpdir(), 'ingest-'))
    server = createServer(async (request, response) => {
      const body = await buffer(request)
      const status = statuses.shift() ?? 200
      assert.ok(mailServer.verify(body, request.headers, [secret]))
      const entries = JSON.parse(body.toString()) as MailServerEntry[]
      if (status === 200) stored.push(...entries.map(({ messageId = '' }) => messageId))
      response.writeHead(status).end(JSON.stringify({ received: entries.length, duplicates: 0, detail: 'as asked' }))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    server.close()
    await rm(folder, { recursive: true })
  })

  const paths = () => ({ log: join(folder, 'mail.jsonl'), state: join(folder, 'state') })
  const run = (signal = new AbortController().signal) => {
    const { log, state } = paths()
    const source = { format: 'json', relays: [], statePath: state, isFollowed: false, signal } as const
    return ingest(entriesOfFile(log, source), { url, secret, signal })
  }

  it('is sent again until it is acknowledged, and once when the next run goes on', async () => {
    await writeFile(paths().log, `${lineOf(1)}\nno JSON\n${lineOf(2)}\n`)
    statuses = [503, 500]
    assert.deepEqual(await run(), { received: 2, duplicates: 0, unnamed: 0 })
    await appendFile(paths().log, `${lineOf(3)}\n`)
    await run()
    assert.deepEqual(stored, ['m1@example.com', 'm2@example.com', 'm3@example.com'])
  })

  it('is not passed over when a request is refused: the next run begins there', async () => {
    await writeFile(paths().log, `${lineOf(1)}\n`)
    statuses = [401]
    await assert.rejects(
      run(),
      (error) => error instanceof IngestRefusedError && /answers 401: as asked/.test(error.message),
    )
    await run()
    assert.deepEqual(stored, ['m1@example.com'])
  })

  it('is left out where it names no email, unless it suppresses somebody', async () => {
    const unnamed = { event: 'delivered', recipient: 'a@example.org', at: '2026-11-30T10:00:00Z' }
    await writeFile(
      paths().log,
      `${JSON.stringify(unnamed)}\n${JSON.stringify({ ...unnamed, event: 'bounced', code: '5.1.1' })}\n`,
    )
    assert.deepEqual(await run(), { received: 1, duplicates: 0, unnamed: 1 })
  })
})
