/** Listening on a configured port, or on a free one. */
import { freePort } from './embedded/free-port.ts'
import { ConfigurationError } from './errors.ts'
import type { HttpServer } from './http/server.ts'

type Listening = Pick<HttpServer, 'listen'>

/**
 * @param setting the variable that configures the port.
 * @returns the URL.
 * @throws ConfigurationError if the port is in use.
 */
export async function listenOn(
  server: Listening,
  { port, host, setting }: { port: number; host: string; setting: string },
): Promise<string> {
  const listening = await server.listen({ port, host }).catch((error) => {
    throw error.code === 'EADDRINUSE' ? new ConfigurationError(`Port ${port} is in use: set another ${setting}`) : error
  })
  return urlOf(host, listening.port)
}

const preferredWorkerPort = 3001

/** Listens on the configured port, otherwise on 3001 or the next free one. */
export async function listenAsWorker(server: Listening, port: number | null, host: string): Promise<string> {
  if (port !== null) return listenOn(server, { port, host, setting: 'WORKER_PORT' })
  return urlOf(host, (await listenOnNextFree(server, { preferred: preferredWorkerPort, host })).port)
}

/**
 * Listens on the preferred port or the next free one, also if another process takes a free port first.
 * @throws ConfigurationError if none of the next 200 is free, or the host is not of this machine.
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
