import assert from 'node:assert/strict'
import fc from 'fast-check'
import { messagesOf, type StreamListener, type StreamMessage } from '../../src/client/event-stream.ts'

const bodyOf = (bytes: Uint8Array, cuts: readonly number[] = []): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      let from = 0
      for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
        controller.enqueue(bytes.subarray(from, cut))
        from = cut
      }
      controller.close()
    },
  })

async function read(
  text: string,
  cuts: readonly number[] = [],
  listener: StreamListener = {},
): Promise<StreamMessage[]> {
  const messages: StreamMessage[] = []
  for await (const message of messagesOf(bodyOf(Buffer.from(text), cuts), listener)) messages.push(message)
  return messages
}

describe('a stream of server-sent events', () => {
  it('is parsed as its standard says: names, IDs, data of several lines, comments', async () => {
    const ids: string[] = []
    const text = `: hello

id: 7
event: email
data: {"a":1}

data: one
data:two

id: 9

id: 10
data:

id: 11
`
    assert.deepEqual(await read(text, [], { onLastEventId: (id) => ids.push(id) }), [
      { event: 'email', data: '{"a":1}' },
      { event: 'message', data: 'one\ntwo' },
      { event: 'message', data: '' },
    ])
    assert.deepEqual(ids, ['7', '9', '10'], 'also of messages without data, but not of an incomplete one')
  })

  it('has the same messages for all chunk boundaries and line ends', async () => {
    const text = 'id: 1\nevent: email\ndata: grüße 🎉\n\ndata: b\ndata: c\n\n: heartbeat\n\n'
    const expected = await read(text)
    assert.equal(expected.length, 2)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(Buffer.byteLength(text))),
        async (end, cuts) => {
          const ended = text.replaceAll('\n', end)
          // With a lone CR at its very end the last line is not known to have ended.
          assert.deepEqual(await read(end === '\r' ? `${ended}:` : ended, cuts), expected)
        },
      ),
    )
  })

  it('does not yield an incomplete message', async () => {
    assert.deepEqual(await read('data: whole\n\ndata: half\n'), [{ event: 'message', data: 'whole' }])
  })

  it('reports the delay that the server sets', async () => {
    const pauses: number[] = []
    await read('retry: 250\n\nretry: soon\n\n', [], { onRetry: (ms) => pauses.push(ms) })
    assert.deepEqual(pauses, [250])
  })
})
