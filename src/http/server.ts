/** The HTTP server under the API: deadlines, listening and closing. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Deadlines, startConnectionClock } from './deadlines.ts'

export interface HttpServer {
  /**
   * @returns the port; the one that the system chose for port 0.
   * @throws with code EADDRINUSE if the port is in use.
   */
  listen(address: { port: number; host: string }): Promise<{ port: number }>
  /** Stops accepting connections, closes idle ones at once, and the others after their request or after `graceMs`. */
  close(options: { graceMs: number }): Promise<void>
}

/** Above it, new connections are closed at once: those that are open keep the memory and the file handles that they need. */
const maxConnections = 5_000

/** For browsers that open an answer meant for a program: they show it as nothing but its type, run nothing, and frame it nowhere. */
const answerHeaders = new Map([
  ['X-Content-Type-Options', 'nosniff'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Referrer-Policy', 'no-referrer'],
])

/**
 * Disconnects slow clients, and answers bytes that are not HTTP with a bare status line. Each answer has headers that let browsers run and
 * frame nothing; pages replace them by their own.
 */
export function createHttpServer(listener: RequestListener, deadlines: Deadlines): HttpServer {
  const server = createServer(
    {
      headersTimeout: deadlines.headersMs,
      requestTimeout: deadlines.uploadMs,
      connectionsCheckingInterval: deadlines.checkEveryMs,
      keepAliveTimeout: deadlines.keepAliveMs,
    },
    (request, response) => {
      response.setHeaders(answerHeaders)
      listener(request, response)
    },
  )
  server.maxConnections = maxConnections
  server.on('connection', startConnectionClock)
  server.on('clientError', refuse)
  return {
    async listen({ port, host }) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve()
        })
      })
      return { port: (server.address() as AddressInfo).port }
    },
    close: ({ graceMs }) => close(server, graceMs),
  }
}

const statusLines: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
}

/** Answers bytes that are not a request, unless an answer has started on the connection. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  const { _httpMessage: answering } = socket as { _httpMessage?: { headersSent: boolean } | null }
  if (!socket.writable || error.code === 'ECONNRESET' || answering?.headersSent) {
    socket.destroy()
    return
  }
  const statusLine = statusLines[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${statusLine}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}

const idleCheckMs = 25

async function close(server: Server, graceMs: number): Promise<void> {
  let closed = false
  const whenClosed = new Promise<void>((resolve) => {
    server.close(() => {
      closed = true
      resolve()
    })
  })
  const deadline = Date.now() + graceMs
  // Node keeps a connection whose last request ends after close() open for keepAliveTimeout.
  while (!closed && Date.now() < deadline) {
    server.closeIdleConnections()
    await Promise.race([whenClosed, sleep(idleCheckMs)])
  }
  server.closeAllConnections()
  await whenClosed
}
