/** What a browser's EventSource does with a stream, as far as tests look at it. */
import { until } from '../until.ts'
import { apiKey } from './served.ts'

export interface StreamMessage {
  readonly event: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was told
  readonly data: any
}

export class EventSourceOfTests {
  readonly messages: StreamMessage[] = []
  /** The ID named last, with a message or without. */
  lastId = ''
  isEnded = false
  readonly #stopping = new AbortController()

  private constructor() {}

  /** Resolves when the stream has begun. */
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

  /** Waits until so many messages were told, and hands them over. */
  async told(count: number): Promise<StreamMessage[]> {
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
      for (const block of blocks) this.#take(block)
    }
    this.isEnded = true
  }

  #take(block: string): void {
    const fields = new Map(
      block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.replace(/^\w*: ?/, '')]),
    )
    this.lastId = fields.get('id') ?? this.lastId
    const data = fields.get('data')
    if (data !== undefined) this.messages.push({ event: fields.get('event') ?? 'message', data: JSON.parse(data) })
  }
}
