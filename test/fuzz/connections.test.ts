import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { percentile } from '../../src/simulator/statistics.ts'
import { type Served, serve, wireTo } from '../api/served.ts'
import { isLong } from '../faults/form.ts'
import { OpensProvider } from '../faults/opens-provider.ts'
import { SystemProcess } from '../faults/system-process.ts'
import { useDatabase } from '../stack.ts'
import { until } from '../until.ts'

const head = 'POST /webhooks/aisend HTTP/1.1\r\nHost: x\r\n'

describe('fuzz: hostile bodies and connections', () => {
  let served: Served
  before(async () => {
    served = await serve()
  })
  after(() => served.stop())

  it('answers a compressed bomb without unpacking it', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20))
    const response = await served.webhook(bomb, { 'content-encoding': 'gzip' })
    assert.equal(response.status, 415)
  })

  it('ends a chunked body without end, however fast it is sent', async () => {
    const startedAt = performance.now()
    const wire = wireTo(served.port)
    wire.socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`)
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const pour = () => {
      while (wire.socket.writable && wire.socket.write(chunk));
    }
    wire.socket.on('drain', pour)
    pour()
    await wire.closed
    assert.match(wire.received(), /^HTTP\/1\.1 413 /)
    assert.ok(performance.now() - startedAt < 5_000)
  })

  it('answers each of a thousand requests sent at once on one connection', async () => {
    const wire = wireTo(served.port)
    wire.socket.write(`${head}Content-Length: 2\r\n\r\n{}`.repeat(1_000))
    await until(() => wire.received().split('HTTP/1.1 401 ').length === 1_001)
    wire.socket.destroy()
  })
})

/** The short form is test/http/deadlines.test.ts: one connection each, with short deadlines. */
const describeLong = isLong ? describe : () => {}

describeLong('fuzz: 500 slow and half-open connections', function () {
  this.timeout(120_000)
  const database = useDatabase()
  let api: SystemProcess
  before(async () => {
    api = await SystemProcess.start({ role: 'api', databaseUrl: database.url, temporalAddress: '127.0.0.1:1' })
  })
  after(() => api.end('SIGKILL'))

  it('are closed within 15 seconds, cost little memory, and do not slow down others', async () => {
    const provider = new OpensProvider({ urls: [api.url], perSecond: 50, emails: 50 })
    await until(() => provider.answers.length >= 400)
    const calm = provider.answers.slice(100).map(({ ms }) => ms)
    const memoryBefore = residentBytes(api.pid)
    const openedAt = Date.now()
    const wires = Array.from({ length: 500 }, () => wireTo(Number(new URL(api.url).port)))
    const closedAfterMs: number[] = []
    wires.forEach((wire, n) => {
      void wire.closed.then(() => closedAfterMs.push(Date.now() - openedAt))
      // A quarter sends nothing, one its headers, one its body, a byte at a time; the last one sends both in turn.
      if (n % 4 === 1 || n % 4 === 3) wire.socket.write(`${head}Content-Length: 1000\r\nX-Slow: `)
      if (n % 4 === 2) wire.socket.write(`${head}Content-Length: 1000\r\n\r\n`)
    })
    let peak = 0
    const endHeadersAt = openedAt + 8_000
    const haveEnded = new Set<number>()
    // A tenth at a time: all at once would delay this process, which measures the other requests.
    for (let turn = 0; closedAfterMs.length < wires.length && Date.now() - openedAt < 30_000; turn += 1) {
      for (const [n, { socket }] of wires.entries()) {
        if (n % 4 === 0 || Math.floor(n / 50) !== turn % 10 || !socket.writable) continue
        const isToEnd = n % 4 === 3 && Date.now() >= endHeadersAt && !haveEnded.has(n)
        if (isToEnd) haveEnded.add(n)
        socket.write(isToEnd ? '\r\n\r\n' : 'x')
      }
      peak = Math.max(peak, residentBytes(api.pid))
      await sleep(50)
    }
    const disturbed = provider.answersTo(openedAt, Date.now()).map(({ ms }) => ms)
    await provider.stop()
    const p99Of = (latencies: readonly number[]) => percentile(latencies, 0.99) ?? Number.NaN
    const [before, during] = [p99Of(calm), p99Of(disturbed)]
    const grown = (peak - memoryBefore) / 2 ** 20
    console.log(
      `      ${closedAfterMs.length} cut, the last after ${Math.max(...closedAfterMs)} ms; ${grown.toFixed(1)} MiB more; ` +
        `p99 of others ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during it`,
    )
    assert.equal(closedAfterMs.length, wires.length)
    assert.ok(Math.max(...closedAfterMs) < 15_000)
    assert.ok(grown < 50)
    assert.ok(during < Math.max(4 * before, 500))
    assert.deepEqual([...new Set(provider.answers.map(({ status }) => status))], [200])
  })
})

/** Of another process: proc(5). */
function residentBytes(pid: number): number {
  const [, kibibytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}
