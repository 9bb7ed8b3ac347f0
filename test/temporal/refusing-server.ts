/** A Temporal server that answers every call with one gRPC status, as with a revoked key or behind a proxy. */
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'

export interface RefusingServer {
  readonly address: string
  /** Sets the answer: a code of google.golang.org/grpc/codes, and details as gRPC sends them. */
  answer(code: number, message: string, details?: Uint8Array): void
  close(): void
}

export async function startRefusingServer(): Promise<RefusingServer> {
  let headers: Record<string, string> = {}
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { endStream: true })
  })
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', (session) => sessions.add(session))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer(code, message, details) {
      headers = {
        'grpc-status': String(code),
        'grpc-message': encodeURIComponent(message),
        ...(details && { 'grpc-status-details-bin': Buffer.from(details).toString('base64') }),
      }
    },
    close() {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
}
