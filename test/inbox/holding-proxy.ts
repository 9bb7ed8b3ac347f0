import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A way to a server that can be made a black hole: connections stay up and new ones are accepted, but nothing comes
 * through in either direction. What was sent meanwhile arrives when it is let go, as after a network partition.
 */
export class HoldingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isHolding = false

  private constructor(targetPort: number) {
    this.#server = createServer((near) => {
      const far = connect(targetPort, '127.0.0.1')
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from)
        from.on('data', (data) => to.write(data))
        from.on('error', () => to.destroy())
        from.on('close', () => {
          this.#sockets.delete(from)
          to.end()
        })
        if (this.#isHolding) from.pause()
      }
    })
  }

  static async to(targetPort: number): Promise<HoldingProxy> {
    const proxy = new HoldingProxy(targetPort)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  hold(): void {
    this.#isHolding = true
    for (const socket of this.#sockets) socket.pause()
  }

  letGo(): void {
    this.#isHolding = false
    for (const socket of this.#sockets) socket.resume()
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}
