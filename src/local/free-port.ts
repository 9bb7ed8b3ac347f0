import { createServer } from 'node:net'
import { ConfigurationError } from '../errors.ts'

const furthest = 200

/**
 * A port that nobody listens on: the preferred one, or the next after it.
 * @param taken ports promised to somebody else.
 * @throws ConfigurationError when 200 in a row are taken.
 */
export async function freePort(
  preferred: number,
  host = '127.0.0.1',
  taken: ReadonlySet<number> = new Set(),
): Promise<number> {
  for (let port = preferred; port < Math.min(preferred + furthest, 65_536); port++) {
    if (!taken.has(port) && (await isFree(port, host))) return port
  }
  throw new ConfigurationError(`No port is free on ${host} from ${preferred} on`)
}

const isFree = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)))
  })
