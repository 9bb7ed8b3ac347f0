/**
 * A load generator that costs little of the cores which it shares with what it measures: requests are built ahead, and
 * of an answer only its status is read. One request at a time on each connection, as a provider sends them.
 */
import { connect, type Socket } from 'node:net'
import { percentile } from '../src/simulator/statistics.ts'

export interface LoadResult {
  readonly acksPerSecond: number
  readonly acks: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Whole HTTP requests; each is sent once. */
  readonly requests: Buffer[]
}

/** @throws when an answer is not 200, a connection breaks, or the requests run out before the time. */
export async function load({ port, connections, seconds, requests }: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  await Promise.all(Array.from({ length: connections }, () => converse(port, endsAt, requests, latencies)))
  const elapsedSeconds = (performance.now() - startedAt) / 1_000
  const at = (share: number) => percentile(latencies, share) ?? Number.NaN
  return { acksPerSecond: latencies.length / elapsedSeconds, acks: latencies.length, p50Ms: at(0.5), p99Ms: at(0.99) }
}

function converse(port: number, endsAt: number, requests: Buffer[], latencies: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let sentAt = 0
    let received = ''
    const next = () => {
      if (performance.now() >= endsAt) {
        resolve()
        return void socket.end()
      }
      const request = requests.pop()
      if (!request) return void socket.destroy(new Error('the requests ran out'))
      sentAt = performance.now()
      socket.write(request)
    }
    socket.on('connect', next).on('error', reject)
    // A server that hangs up without an error must not leave the benchmark waiting. After the last answer this says nothing.
    socket.on('close', () => reject(new Error('the server hung up')))
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (!isWhole(received)) return
      if (!received.startsWith('HTTP/1.1 200')) return void socket.destroy(new Error(received.slice(0, 500)))
      received = ''
      latencies.push(performance.now() - sentAt)
      next()
    })
  })
}

/** Whether an answer with a Content-Length has arrived to its end. */
function isWhole(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return false
  const [, length = '0'] = /content-length: (\d+)/i.exec(received) ?? []
  return received.length >= headEnd + 4 + Number(length)
}
