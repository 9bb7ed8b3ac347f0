/** Where a server listens: on the port that the user set, or on a free one. */
import { ConfigurationError } from '../errors.ts'
import { freePort } from '../local/free-port.ts'
import type { HttpServer } from './server.ts'

type Listening = Pick<HttpServer, 'listen'>

/**
 * @param setting names the variable that the port came from.
 * @returns the URL.
 * @throws ConfigurationError when the port is taken.
 */
export async function listenOn(
  server: Listening,
  { port, host, setting }: { port: number; host: string; setting: string },
): Promise<string> {
  const listening = await server.listen({ port, host }).catch((error) => {
    throw error.code === 'EADDRINUSE' ? new ConfigurationError(`Port ${port} is taken: set another ${setting}`) : error
  })
  return urlOf(host, listening.port)
}

const preferredWorkerPort = 3001

/** Listens where a worker does: on the port that the user set, else on 3001 or the next free one. */
export async function listenAsWorker(server: Listening, port: number | null, host: string): Promise<string> {
  if (port !== null) return listenOn(server, { port, host, setting: 'WORKER_PORT' })
  return urlOf(host, (await listenOnNextFree(server, { preferred: preferredWorkerPort, host })).port)
}

/**
 * Listens on the preferred port, or on the next free one: somebody else may take a port between a look and a call.
 * @throws ConfigurationError when none of the next 200 is free, or the host is none of this machine's.
 */
export async function listenOnNextFree(
  server: Listening,
  { preferred, host }: { preferred: number; host: string },
): Promise<{ port: number }> {
  const port = await freePort(preferred, host)
  return server.listen({ port, host }).catch((error) => {
    if (error.code !== 'EADDRINUSE') throw error
    return listenOnNextFree(server, { preferred: port + 1, host })
  })
}

const urlOf = (host: string, port: number): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`
