/** Server-Sent Events (html.spec.whatwg.org, §9.2). */
import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'
import { unavailable } from './problem.ts'

/** One client's stream. */
export interface EventStream {
  /**
   * Sends one message; disconnects a client that does not read.
   * @param id sent back by the client as `Last-Event-ID` when it reconnects.
   */
  send(message: { readonly event: string; readonly data: unknown; readonly id?: string }): void
  /** Sends the client's new position with the next heartbeat. */
  reached(id: string): void
  /** Resolves when the send buffer is empty, or the client has disconnected. */
  drained(): Promise<void>
  readonly isClosed: boolean
  /** Called once, when the stream ends for any reason. */
  onClose(ended: () => void): void
  end(): void
}

export interface EventStreams {
  /**
   * Starts a stream as the answer.
   * @throws Problem 503 when the limit of open streams is reached, or when the server stops.
   */
  open(ctx: Context): EventStream
  /** Throws what {@link open} would throw now. */
  refuseWhenFull(): void
  /** Ends all streams, so that the server can close; clients reconnect to another instance. */
  close(): void
}

export interface EventStreamOptions {
  /** Open streams at most. Default 500. */
  readonly limit?: number
  /** Default 15 seconds: less than the idle timeout of proxies. */
  readonly heartbeatMs?: number
  /** Unsent bytes at which a client is disconnected. Default 1 MiB. */
  readonly unreadLimitBytes?: number
}

/** How long clients wait before they reconnect. */
const retryAfterMs = 2_000

export function createEventStreams(options: EventStreamOptions = {}): EventStreams {
  const { limit = 500, heartbeatMs = 15_000, unreadLimitBytes = 1_048_576 } = options
  const streams = new Set<EventStream>()
  let isClosed = false
  const refuseWhenFull = () => {
    if (isClosed) throw unavailable('this instance is shutting down: reconnect')
    if (streams.size >= limit) throw unavailable(`all ${limit} streams are in use: try again later`)
  }
  return {
    refuseWhenFull,
    open(ctx) {
      refuseWhenFull()
      const stream = streamOn(ctx, heartbeatMs, unreadLimitBytes)
      streams.add(stream)
      stream.onClose(() => streams.delete(stream))
      return stream
    },
    close() {
      isClosed = true
      for (const stream of streams) stream.end()
    },
  }
}

function streamOn(ctx: Context, heartbeatMs: number, unreadLimitBytes: number): EventStream {
  const { res } = ctx
  sendHead(ctx, res)
  let reachedId: string | null = null
  const write = (text: string) => {
    if (res.writableEnded || res.destroyed) return
    // Instead of buffering in memory: the client reconnects and resumes after its last message.
    if (res.writableLength > unreadLimitBytes) res.destroy()
    else res.write(text)
  }
  const heartbeat = setInterval(() => {
    write(reachedId === null ? ': heartbeat\n\n' : `id: ${reachedId}\n\n`)
    reachedId = null
  }, heartbeatMs)
  heartbeat.unref()
  res.once('close', () => clearInterval(heartbeat))
  return {
    send({ event, data, id }) {
      reachedId = null
      // JSON has no line breaks of its own, so one `data` line holds it all.
      write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    reached(id) {
      reachedId = id
    },
    async drained() {
      if (!res.writableNeedDrain || res.destroyed) return
      await new Promise<void>((resolve) => res.once('drain', resolve).once('close', resolve))
    },
    get isClosed() {
      return res.writableEnded || res.destroyed
    },
    onClose: (ended) => void res.once('close', ended),
    end: () => void res.end(),
  }
}

function sendHead(ctx: Context, res: ServerResponse): void {
  ctx.respond = false
  // Without X-Accel-Buffering, nginx buffers the answer.
  res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' })
  res.write(`retry: ${retryAfterMs}\n\n`)
}
