/**
 * An application for bench/endpoints.ts, in a process of its own: accepts webhooks at `/<endpoint>`, and answers a GET there with how long
 * each took since its event occurred. Those at a path that ends in `slow` are answered after ten seconds.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const latencies = new Map<string, number[]>()
const occurredAt = /"occurredAt":"([^"]+)"/

const server = createServer((request, response) => {
  const path = request.url ?? ''
  if (request.method === 'GET') {
    response.end(JSON.stringify(latencies.get(path) ?? []))
    latencies.delete(path)
    return
  }
  const arrivedAt = Date.now()
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const [, at] = occurredAt.exec(Buffer.concat(chunks).toString()) ?? []
    const known = latencies.get(path)
    if (known) known.push(arrivedAt - Date.parse(at ?? ''))
    else latencies.set(path, [arrivedAt - Date.parse(at ?? '')])
    const answer = () => response.writeHead(204).end()
    if (path.endsWith('slow')) setTimeout(answer, 10_000)
    else answer()
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.once('disconnect', () => process.exit(0))
