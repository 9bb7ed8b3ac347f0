/** A stand-in for a provider's API on a port of this machine. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

interface RecordedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** Parsed JSON; null if there was no body. */
  readonly body: unknown
  readonly at: number
}

export interface ApiStandIn {
  readonly apiUrl: string
  readonly requests: RecordedRequest[]
  /** Answers a request. */
  answer: (request: RecordedRequest, response: ServerResponse) => void
  /** Answers every request with this JSON. */
  answerWith(status: number, body: unknown, headers?: Record<string, string>): void
  close(): void
}

export async function startApiStandIn(): Promise<ApiStandIn> {
  const server = createServer(async (incoming, response) => {
    const body = await text(incoming)
    const { method = '', url = '', headers } = incoming
    const request = { method, url, headers, body: body === '' ? null : JSON.parse(body), at: Date.now() }
    standIn.requests.push(request)
    standIn.answer(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const standIn: ApiStandIn = {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    answer: (_, response) => response.writeHead(500).end(),
    answerWith(status, body, headers = {}) {
      standIn.answer = (_, response) =>
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return standIn
}

/** An email of today to one recipient. */
export const asked = (emailId: string) => ({ emailId, recipients: ['ada@example.com'], since: Date.now() })
