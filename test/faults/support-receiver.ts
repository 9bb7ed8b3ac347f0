import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The receiver of support's webhook: accepts notices, or is down. */
export class SupportReceiver {
  /** The `webhook-id` of every accepted notice. */
  readonly accepted: string[] = []
  /** Those of notices received while it was down. */
  readonly refused: string[] = []
  isDown = false
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const id = String(request.headers['webhook-id'])
      ;(this.isDown ? this.refused : this.accepted).push(id)
      request.resume()
      response.writeHead(this.isDown ? 503 : 204).end()
    })
  }

  static async open(): Promise<SupportReceiver> {
    const receiver = new SupportReceiver()
    await once(receiver.#server.listen(0, '127.0.0.1'), 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/notices`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

export const supportSecret = `whsec_${Buffer.from('a secret of some thirty two bytes').toString('base64')}`
