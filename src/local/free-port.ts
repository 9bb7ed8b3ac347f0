import { connect, createServer } from 'node:net'
import { ConfigurationError } from '../errors.ts'

const furthest = 200

/**
 * A port that nobody listens on: the preferred one, or the next after it.
 * @param taken ports promised to somebody else.
 * @throws ConfigurationError when 200 in a row are taken, or the host is none of this machine's.
 */
export async function freePort(
  preferred: number,
  host = '127.0.0.1',
  taken: ReadonlySet<number> = new Set(),
): Promise<number> {
  for (let port = preferred; port < Math.min(preferred + furthest, 65_536); port++) {
    if (!taken.has(port) && (await isPortFree(port, host))) return port
  }
  throw new ConfigurationError(`No port is free on ${host} from ${preferred} on`)
}

/** A port of the operating system's choice that nobody listens on now. */
export const anyFreePort = (host = '127.0.0.1'): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen({ port: 0, host }, () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })

/** Whether we could listen there, and nobody else does. @throws ConfigurationError if the host is none of this machine's. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  // macOS lets one listen on an address beside somebody who listens on all: then only a call tells.
  return (await canListen(port, host)) && !(await answers(port, host))
}

const canListen = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const isUnknownHost = cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND'
      if (isUnknownHost) reject(new ConfigurationError(`${host} is no address of this machine`, { cause }))
      else resolve(false)
    })
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)))
  })

/** Whether somebody takes a connection there. */
export const answers = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host, timeout: 1_000 })
    const settle = (result: boolean) => {
      socket.destroy()
      resolve(result)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('timeout', () => settle(false))
  })
