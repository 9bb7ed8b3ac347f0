import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy to a server on this machine that simulates faults of networks and servers. It starts without faults. */
export class FaultProxy {
  readonly port: number
  readonly #server: Server
  readonly #targetPort: number
  readonly #sockets = new Set<Socket>()
  #isHolding = false
  #delayMs = 0
  #onlyAnswer: Buffer | null = null

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

  /** Open connections of clients. */
  get connections(): number {
    return Math.ceil(this.#sockets.size / 2)
  }

  /** Ends all faults. Held data arrives, as after a network partition. */
  async restore(): Promise<void> {
    this.#isHolding = false
    this.#delayMs = 0
    this.#onlyAnswer = null
    for (const socket of this.#sockets) socket.resume()
    if (!this.#server.listening) await once(this.#server.listen(this.port, '127.0.0.1'), 'listening')
  }

  /** A black hole: connections stay open and new ones are accepted, but no data passes in either direction. */
  hold(): void {
    this.#isHolding = true
    for (const socket of this.#sockets) socket.pause()
  }

  /** A server that is down: connections break, and new ones are refused. */
  refuse(): void {
    this.#server.close()
    this.cut()
  }

  /** A server that is up but cannot serve: a client receives these bytes, then the end. */
  answerOnly(answer: Buffer): void {
    this.#onlyAnswer = answer
    this.cut()
  }

  /** Adds latency in each direction. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Breaks all connections; new ones work. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.#server.close()
    this.cut()
  }

  #accept(near: Socket): void {
    if (this.#onlyAnswer) {
      near.on('error', () => {})
      near.once('data', () => near.end(this.#onlyAnswer ?? ''))
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
