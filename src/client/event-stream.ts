/** Server-sent events, by the WHATWG's HTML standard §9.2: what `EventSource` does, with a header for the key. */

export interface StreamMessage {
  /** `message` where the stream names none. */
  readonly event: string
  readonly data: string
}

/** What a stream says of itself. */
export interface StreamListener {
  /** How far it has been told: where to resume. Said by messages, and by what has no data. */
  readonly onPlace?: (id: string) => void
  /** How long the server wants a pause before the next connection, in milliseconds. */
  readonly onRetry?: (ms: number) => void
}

/** The messages of a body, as they come; comments and what has no data are passed over. */
export async function* messagesOf(
  body: ReadableStream<Uint8Array>,
  { onPlace = () => {}, onRetry = () => {} }: StreamListener = {},
): AsyncGenerator<StreamMessage> {
  let [event, data, id]: [string, string[], string | null] = ['', [], null]
  for await (const line of linesOf(body)) {
    if (line === '') {
      // After the message has been taken: until then it is not told.
      if (data.length > 0) yield { event: event || 'message', data: data.join('\n') }
      if (id !== null) onPlace(id)
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

/** Lines end with CR LF, LF or CR; a last one without an end is dropped, since the message is not complete. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8')
  const reader = body.getReader()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      text += decoder.decode(value, { stream: true })
      // A CR at the very end may be half of a CR LF.
      const lines = text.split(/\r\n|\n|\r(?!$)/)
      text = lines.pop() ?? ''
      yield* lines
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
