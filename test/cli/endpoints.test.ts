import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { runCommandLine } from '../../src/cli/program.ts'
import { verifyWebhook } from '../../src/client/index.ts'
import { apiKey, useApi } from '../api/served.ts'
import { applyEvents, outboxTables } from '../endpoints/outbox-rig.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'

describe('aftersend', () => {
  const { db } = useDatabase(outboxTables)
  const served = useApi(() => ({ db }))
  const url = 'https://app.example.com/webhooks'

  async function run(args: readonly string[], signal = new AbortController().signal, lines: string[] = []) {
    let failure = ''
    const context = {
      ...{ env: {}, signal, output: new PassThrough(), progress: new PassThrough() as never, stdin: Readable.from([]) },
      print: (line: string) => void lines.push(line),
    }
    const all = [...args, '--url', served.url, '--key', apiKey]
    const code = await runCommandLine(all, context, (why) => (failure += why))
    return { code, out: lines.join('\n'), failure }
  }

  describe('endpoints', () => {
    it('creates, lists, pauses, resumes, rotates and deletes', async () => {
      assert.match((await run(['endpoints'])).out, /There are no endpoints/)
      const args = [
        'create',
        url,
        '--events',
        'email.bounced,email.failed',
        '--tag',
        'receipt',
        '--description',
        'Shop',
      ]
      const [id = '', secret] = (await run(['endpoints', ...args])).out.split('\n')
      assert.match(`${id} ${secret}`, /^ep_\w+ whsec_\S+$/)
      const stored = await db.endpoint.findFirstOrThrow()
      assert.deepEqual([stored.description, stored.filters], ['Shop', { tags: ['receipt'] }])
      assert.match((await run(['endpoints', 'pause', id])).out, /is paused/)
      assert.match((await run(['endpoints', 'list'])).out, /paused \(person\) .* email\.bounced email\.failed/)
      assert.match((await run(['endpoints', 'resume', id, '--skip'])).out, /dropped/)
      assert.match((await run(['endpoints', 'rotate', id])).out, /^whsec_/)
      assert.match((await run(['endpoints', 'delete', id])).out, /is deleted/)
      assert.deepEqual(
        [(await run(['endpoints', 'pause', id])).code, (await run(['endpoints', 'test', id])).code],
        [2, 2],
      )
    })

    it('tests, lists attempts and replays; exits with 1 if there is nothing, or if the last attempt failed', async () => {
      const [id = ''] = (await run(['endpoints', 'create', url])).out.split('\n')
      assert.match((await run(['endpoints', 'test', id])).out, /on its way/)
      const nothing = await run(['endpoints', 'replay', id, '--since', '1h'])
      assert.deepEqual([nothing.code, nothing.out], [1, '0 are sent again.'])
      assert.equal((await run(['endpoints', 'attempts', id])).code, 0)
      const delivery = await db.delivery.findFirstOrThrow()
      await db.delivery.update({ where: { id: delivery.id }, data: { state: 'failed' } })
      const attempt = { deliveryId: delivery.id, endpointId: id, at: new Date(), status: 500, durationMs: 5 }
      await db.deliveryAttempt.create({ data: attempt })
      const listed = await run(['endpoints', 'attempts', id, '--failed'])
      assert.equal(listed.code, 1)
      assert.match(listed.out, /endpoint\.test {2}500 {5}5 ms/)
      assert.equal((await run(['endpoints', 'replay', id, '--delivery', String(delivery.id)])).code, 0)
    })

    it('says what is wrong with a URL, an event or the arguments', async () => {
      const cases: [string[], RegExp][] = [
        [['create', 'https://10.0.0.1/'], /private or reserved network/],
        [['create', url, '--events', 'email.eaten'], /must be one of: email\.queued/],
        [['replay', 'ep_1'], /either --delivery or --since/],
        [['rotate', 'ep_1', '--overlap', '1000'], /from 0 to 168/],
      ]
      for (const [args, why] of cases) {
        const { code, failure } = await run(['endpoints', ...args])
        assert.equal(code, 2)
        assert.match(failure, why)
      }
    })
  })

  it('listen forwards signed webhooks in order, prints no address, and deletes its endpoint at the end', async () => {
    const received: { body: string; headers: Record<string, string> }[] = []
    const receiver = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      received.push({ body: Buffer.concat(chunks).toString(), headers: request.headers as Record<string, string> })
      response.writeHead(received.length === 1 ? 500 : 204).end()
    }).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    const { port } = receiver.address() as AddressInfo
    const [stopping, lines]: [AbortController, string[]] = [new AbortController(), []]
    const listening = run(['listen', '--forward-to', `127.0.0.1:${port}/hooks`], stopping.signal, lines)
    await until(() => lines.length > 0)
    const to = { recipient: 'ada@example.com', to: ['ada@example.com'] }
    const email = { provider: 'aisend', emailId: 'em_1' }
    for (const type of ['sent', 'delivered', 'opened'] as const) await applyEvents(db, email, { type, ...to })
    await until(() => lines.length > 3)
    stopping.abort()
    assert.equal((await listening).code, 0)
    receiver.close()
    const secret = /whsec_\S+/.exec(lines[0] ?? '')?.[0] ?? ''
    const events = await Promise.all(received.map(({ body, headers }) => verifyWebhook(body, headers, secret)))
    assert.deepEqual(
      events.map(({ type }) => type),
      ['email.sent', 'email.delivered', 'email.opened'],
    )
    assert.match(lines.slice(1).join('\n'), /email\.sent +500 .*\n.*email\.delivered +204 .*\n.*email\.opened +204 /)
    assert.doesNotMatch(lines.join(), /ada|@/)
    assert.equal(await db.endpoint.count({ where: { deletedAt: null } }), 0)
  })
})
