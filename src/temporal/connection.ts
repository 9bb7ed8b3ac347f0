/** Connections to Temporal. */
import {
  Client,
  type ClientInterceptors,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client'
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker'
import type { TemporalSecurity } from '../config.ts'
import { grpcCode } from './grpc-codes.ts'

export interface TemporalTarget {
  readonly address: string
  readonly namespace: string
  readonly security: TemporalSecurity
}

/**
 * A connection that is opened at its first use, so that the API starts without Temporal. With gRPC's defaults, a call to a server
 * that refuses connections fails after 20 seconds, and a restarted server is found after 6. With these options the call fails after
 * half a second, and the server is found after a quarter.
 */
export function createTemporalConnection({ address, security }: TemporalTarget): Connection {
  return Connection.lazy({
    ...security,
    address,
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 250 },
    interceptors: [makeGrpcRetryInterceptor(retryOptions)],
  })
}

const retryDefaults = defaultGrpcRetryOptions({ maxAttempts: 3 })

/** A rate limit fails the call at once: the caller decides when to retry. */
const retryOptions: typeof retryDefaults = {
  ...retryDefaults,
  retryableDecider: (attempt, status) =>
    status.code !== grpcCode.resourceExhausted && retryDefaults.retryableDecider(attempt, status),
}

/** A client with its own connection, which the caller closes. */
export const createTemporalClient = (target: TemporalTarget, interceptors: ClientInterceptors = {}): Client =>
  new Client({ connection: createTemporalConnection(target), namespace: target.namespace, interceptors })

/**
 * A worker's connection.
 * @throws if Temporal is not reachable within 10 seconds.
 */
export const connectWorker = ({ address, security }: TemporalTarget): Promise<NativeConnection> =>
  NativeConnection.connect({ ...security, address } satisfies NativeConnectionOptions)
