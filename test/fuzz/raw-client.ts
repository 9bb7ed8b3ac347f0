import { Agent, request } from 'node:http'

export interface RawRequest {
  readonly method: string
  /** As in the request line. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | null
}

export interface RawAnswer {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** A client that sends requests unchanged, reuses connections, and disconnects from streams. */
export class RawClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 })
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  send({ method, path, headers, body }: RawRequest): Promise<RawAnswer> {
    const length = body === null ? {} : { 'content-length': String(body.length) }
    return new Promise((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port: this.#port, agent: this.#agent, method, path, headers: { ...headers, ...length } },
        (response) => {
          const answered = { status: response.statusCode ?? 0, type: String(response.headers['content-type']) }
          const isEndless = answered.type.startsWith('text/event-stream')
          let text = ''
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk
          })
          const done = () => resolve({ ...answered, text })
          response.once('end', done)
          if (isEndless) response.once('data', () => sent.destroy()).once('data', done)
          response.once('error', reject)
        },
      )
      sent.setTimeout(10_000, () => sent.destroy(new Error('no answer within 10 s')))
      sent.once('error', reject)
      sent.end(body ?? undefined)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
