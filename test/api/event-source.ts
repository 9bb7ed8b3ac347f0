/** Reads a stream as a browser's EventSource does. */
import { until } from '../until.ts'
import { apiKey } from './served.ts'

export interface StreamMessage {
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests check any field of it
  readonly data: any
}

export class EventSourceOfTests {
  readonly messages: StreamMessage[] = []
  /** The last ID, with or without a message. */
  lastId = ''
  isEnded = false
  readonly #stopping = new AbortController()

  private constructor() {}

  /** Resolves when the stream has started. */
  static async open(url: string, lastEventId?: string): Promise<EventSourceOfTests> {
    const source = new EventSourceOfTests()
    const response = await fetch(url, {
      signal: source.#stopping.signal,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
    })
    if (response.status !== 200 || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
      throw new Error(`no stream: ${response.status} ${await response.text()}`)
    }
    void source.#read(response).catch(() => {
      source.isEnded = true
    })
    return source
  }

  /** All messages, once there are so many. */
  async received(count: number): Promise<StreamMessage[]> {
    await until(() => this.messages.length >= count)
    return this.messages
  }

  close(): void {
    this.#stopping.abort()
  }

  async #read(response: Response): Promise<void> {
    let text = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) this.#parse(block)
    }
    this.isEnded = true
  }

  #parse(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.replace(/^\w*: ?/, '')]),
    )
    this.lastId = fields.get('id') ?? this.lastId
    const data = fields.get('data')
    if (data !== undefined) this.messages.push({ event: fields.get('event') ?? 'message', data: JSON.parse(data) })
  }
}
