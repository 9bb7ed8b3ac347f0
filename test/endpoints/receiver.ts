/** An application that receives webhooks. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type EndpointEvent, endpointEventSchema } from '../../src/domain/endpoint-event.ts'

export interface ReceivedWebhook {
  readonly id: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly event: EndpointEvent
}

type Respond = (response: ServerResponse, webhook: ReceivedWebhook) => void

const accept: Respond = (response) => response.writeHead(204).end()

export class Receiver {
  /** All requests, also refused ones, in the order of their arrival. */
  readonly received: ReceivedWebhook[] = []
  respond: Respond = accept
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        const event = endpointEventSchema.parse(JSON.parse(body))
        const webhook = { id: String(request.headers['webhook-id']), headers: request.headers, body, event }
        this.received.push(webhook)
        this.respond(response, webhook)
      })
    })
  }

  static async open(): Promise<Receiver> {
    const receiver = new Receiver()
    await once(receiver.#server.listen(0, '127.0.0.1'), 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hooks`
  }

  answer(status: number, headers: Record<string, string> = {}, body = ''): void {
    this.respond = (response) => response.writeHead(status, headers).end(body)
  }

  accept(): void {
    this.respond = accept
  }

  types = (): string[] => this.received.map(({ event }) => event.type)
  ids = (): string[] => this.received.map(({ id }) => id)

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}
