import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server of this machine that can be made as bad as networks and servers get. It begins as a good one. */
export class FaultProxy {
  readonly port: number
  readonly #server: Server
  readonly #targetPort: number
  readonly #sockets = new Set<Socket>()
  #isHolding = false
  #delayMs = 0
  #lastWords: Buffer | null = null

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.#targetPort = targetPort
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (near) => this.#accept(near))
  }

  static async to(targetPort: number): Promise<FaultProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultProxy(server, targetPort)
  }

  /** Connections that are open now, from those who use it. */
  get connections(): number {
    return Math.ceil(this.#sockets.size / 2)
  }

  /** Becomes a good way again. What was held arrives, as after a network partition. */
  async mend(): Promise<void> {
    this.#isHolding = false
    this.#delayMs = 0
    this.#lastWords = null
    for (const socket of this.#sockets) socket.resume()
    if (!this.#server.listening) await once(this.#server.listen(this.port, '127.0.0.1'), 'listening')
  }

  /** A black hole: connections stay up and new ones are accepted, but nothing comes through in either direction. */
  hold(): void {
    this.#isHolding = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** A server that is not there: connections break, and new ones are refused. */
  refuse(): void {
    this.#server.close()
    this.cut()
  }

  /** A server that is there and cannot serve: whoever connects hears these bytes, then the end. */
  answerOnly(lastWords: Buffer): void {
    this.#lastWords = lastWords
    this.cut()
  }

  /** Whatever is sent takes so much longer, each way. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Breaks all connections, as a restarted switch does; new ones work. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #accept(near: Socket): void {
    if (this.#lastWords) {
      near.on('error', () => {})
      near.once('data', () => near.end(this.#lastWords ?? ''))
      return
    }
    const far = connect(this.#targetPort, '127.0.0.1')
    this.#pass(near, far)
    this.#pass(far, near)
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.on('data', (data) => {
      if (this.#delayMs === 0) to.write(data)
      else setTimeout(() => to.writable && to.write(data), this.#delayMs)
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.end()
    })
    if (this.#isHolding) from.pause()
  }
}
