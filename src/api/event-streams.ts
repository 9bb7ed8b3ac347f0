/** Server-Sent Events (html.spec.whatwg.org, §9.2): answers that do not end. */
import { randomInt } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'
import { Problem } from './problem.ts'

/** One client's stream. */
export interface EventStream {
  /**
   * Sends one message, or drops the client if it has not read what it was sent before.
   * @param id what the client says as `Last-Event-ID` when it comes back.
   */
  send(message: { readonly event: string; readonly data: unknown; readonly id?: string }): void
  /** Names the place that the client has reached, with the next heartbeat. */
  reached(id: string): void
  /** Resolves when the client has taken what it was sent, or is gone. */
  drained(): Promise<void>
  readonly isClosed: boolean
  /** Called once, when the stream ends for whatever reason. */
  onClose(ended: () => void): void
  end(): void
}

export interface EventStreams {
  /**
   * Begins to answer with a stream.
   * @throws Problem 503 when there are as many streams as may be, or when the server stops.
   */
  open(ctx: Context): EventStream
  /** Throws what {@link open} would throw now, before work is done for a stream. */
  refuseWhenFull(): void
  /** Ends all streams, so that the server can close; clients come back to another instance, or to the next one. */
  close(): void
}

export interface EventStreamOptions {
  /** Streams at once. Default 500. */
  readonly limit?: number
  /** Default 15 seconds: less than proxies take for silence. */
  readonly heartbeatMs?: number
  /** What a client may leave unread before it is dropped. Default 1 MiB. */
  readonly unreadLimitBytes?: number
}

/** How long clients wait before they come back; milliseconds. */
const retryAfterMs = 2_000

export function createEventStreams(options: EventStreamOptions = {}): EventStreams {
  const { limit = 500, heartbeatMs = 15_000, unreadLimitBytes = 1_048_576 } = options
  const streams = new Set<EventStream>()
  let isClosed = false
  const refuseWhenFull = () => {
    if (isClosed) throw unavailable('this instance stops; come back')
    if (streams.size >= limit) throw unavailable(`${limit} streams are open, as many as may be; come back`)
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

const unavailable = (detail: string): Problem =>
  new Problem(503, detail, { headers: { 'Retry-After': String(randomInt(2, 6)) } })

function streamOn(ctx: Context, heartbeatMs: number, unreadLimitBytes: number): EventStream {
  const { res } = ctx
  begin(ctx, res)
  let reachedId: string | null = null
  const write = (text: string) => {
    if (res.writableEnded || res.destroyed) return
    // Dropped rather than kept in memory: it comes back and resumes from the last message that it has.
    if (res.writableLength > unreadLimitBytes) res.destroy()
    else res.write(text)
  }
  const heartbeat = setInterval(() => {
    write(reachedId === null ? ': here\n\n' : `id: ${reachedId}\n\n`)
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

function begin(ctx: Context, res: ServerResponse): void {
  ctx.respond = false
  // nginx and those that follow it gather an answer unless told otherwise.
  res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' })
  res.write(`retry: ${retryAfterMs}\n\n`)
}
