/** Parses server-sent events, by the WHATWG's HTML standard §9.2. `EventSource` cannot send a header with the key. */

export interface StreamMessage {
  /** Default: `message`. */
  readonly event: string
  readonly data: string
}

export interface StreamListener {
  /** Called with the last event ID: where to resume. */
  readonly onLastEventId?: (id: string) => void
  /** Called with the delay before the next connection. */
  readonly onRetry?: (ms: number) => void
}

/** Yields the messages of a body. Comments and messages without data are skipped. */
export async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  { onLastEventId = () => {}, onRetry = () => {} }: StreamListener = {},
): AsyncGenerator<StreamMessage> {
  let [event, data, id]: [string, string[], string | null] = ['', [], null]
  for await (const line of linesOf(body)) {
    if (line === '') {
      // The caller has processed the message when the generator continues.
      if (data.length > 0) yield { event: event || 'message', data: data.join('\n') }
      if (id !== null) onLastEventId(id)
      ;[event, data, id] = ['', [], null]
      continue
    }
    const [, field, value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? []
    if (field === 'data') data.push(value)
    else if (field === 'event') event = value
    else if (field === 'id' && !value.includes('\0')) id = value
    else if (field === 'retry' && /^\d+$/.test(value)) onRetry(Number(value))
  }
}

/** Lines end with CR LF, LF or CR. An incomplete last line is dropped. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8')
  const reader = body.getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      text += decoder.decode(value, { stream: true })
      // A CR at the end of a chunk may be half of a CR LF.
      const lines = text.split(/\r\n|\n|\r(?!$)/)
      text = lines.pop() ?? ''
      yield* lines
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
