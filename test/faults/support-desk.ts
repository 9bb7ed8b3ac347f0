import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where support's webhook leads to: takes notices, or is down. */
export class SupportDesk {
  /** The `webhook-id` of every notice that was taken. */
  readonly taken: string[] = []
  /** Those of notices that came while it was down. */
  readonly refused: string[] = []
  isDown = false
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const id = String(request.headers['webhook-id'])
      ;(this.isDown ? this.refused : this.taken).push(id)
      request.resume()
      response.writeHead(this.isDown ? 503 : 204).end()
    })
  }

  static async open(): Promise<SupportDesk> {
    const desk = new SupportDesk()
    await once(desk.#server.listen(0, '127.0.0.1'), 'listening')
    return desk
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
