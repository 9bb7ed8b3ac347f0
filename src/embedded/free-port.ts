import { connect, createServer } from 'node:net'
import { ConfigurationError } from '../errors.ts'

const portsTried = 200

/**
 * A port that no process listens on: the preferred one, or the next one after it.
 * @param taken ports that are reserved for another use.
 * @throws ConfigurationError when 200 in a row are taken, or the host is no address of this machine.
 */
export async function freePort(
  preferred: number,
  host = '127.0.0.1',
  taken: ReadonlySet<number> = new Set(),
): Promise<number> {
  for (let port = preferred; port < Math.min(preferred + portsTried, 65_536); port++) {
    if (!taken.has(port) && (await isPortFree(port, host))) return port
  }
  throw new ConfigurationError(`No port is free on ${host} from ${preferred} to ${preferred + portsTried - 1}`)
}

/** A free port that the operating system chooses. */
export const anyFreePort = (host = '127.0.0.1'): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen({ port: 0, host }, () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })

/** Whether this process could listen on a port, and no other does. @throws ConfigurationError if the host is no address of this machine. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  // macOS allows listening on one address of a port while another process listens on all of them: only a connection shows that.
  return (await canListen(port, host)) && !(await answers(port, host))
}

const canListen = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (cause: NodeJS.ErrnoException) => {
      const isUnknownHost = cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND'
      if (isUnknownHost) reject(new ConfigurationError(`${host} is not an address of this machine`, { cause }))
      else resolve(false)
    })
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)))
  })

/** Whether a process accepts connections there. */
const answers = (port: number, host = '127.0.0.1'): Promise<boolean> =>
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
