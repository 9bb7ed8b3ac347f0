/** How this process reaches Temporal. */
import {
  Client,
  type ClientInterceptors,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client'
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker'
import type { TemporalSecurity } from '../config.ts'

export interface TemporalTarget {
  readonly address: string
  readonly namespace: string
  readonly security: TemporalSecurity
}

/**
 * A connection that is made when it is first used, so that the API starts while Temporal is away. By its defaults a call to
 * a server that refuses connections fails after 20 seconds, and finds a returned one after 6; with these the one takes half a
 * second, the other a quarter.
 */
export function createTemporalConnection({ address, security }: TemporalTarget): Connection {
  return Connection.lazy({
    ...security,
    address,
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 250 },
    interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: 3 }))],
  })
}

/** A client on a connection of its own: close that when done. */
export const createTemporalClient = (target: TemporalTarget, interceptors: ClientInterceptors = {}): Client =>
  new Client({ connection: createTemporalConnection(target), namespace: target.namespace, interceptors })

/**
 * The connection that a worker polls on.
 * @throws when Temporal is not reachable within 10 seconds.
 */
export const connectWorker = ({ address, security }: TemporalTarget): Promise<NativeConnection> =>
  NativeConnection.connect({ ...security, address } satisfies NativeConnectionOptions)
