import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { storedEmailView } from '../../src/api/email-view.ts'
import {
  AftersendProblemError,
  AftersendUnreachableError,
  createClient,
  type Email,
  RecipientSuppressedError,
} from '../../src/client/index.ts'

interface Asked {
  readonly method: string | undefined
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/** `never` on both sides: the client's type names every field that the API answers, and no other. */
type ApiEmail = ReturnType<typeof storedEmailView>
type Misnamed = Exclude<keyof ApiEmail, keyof Email> | Exclude<keyof Email, keyof ApiEmail>

describe('aftersend/client', () => {
  it('knows an email by the fields that the API answers', () => {
    const misnamed: Misnamed[] = []
    assert.deepEqual(misnamed satisfies never[], [])
  })

  let asked: Asked[]
  let answer: (request: Asked, response: ServerResponse, nth: number) => void
  let url: string
  let close: () => void

  beforeEach(async () => {
    asked = []
    const server = createServer((incoming, response) => {
      const { method, url: path = '', headers } = incoming
      incoming.resume()
      asked.push({ method, url: path, headers })
      answer({ method, url: path, headers }, response, asked.length)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    close = () => {
      server.closeAllConnections()
      server.close()
    }
  })
  afterEach(() => close())

  const client = (timeoutMs = 5_000) => createClient({ url: `${url}/`, apiKey: 'key-of-the-tests-0001', timeoutMs })
  const email = (status: string) => ({ id: 'em/1', status }) as Email
  const json = (response: ServerResponse, status: number, body: unknown, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  const problem = (status: number, detail: string, more = {}) => ({
    ...{ type: 'about:blank', title: 'Title', status, detail },
    ...more,
  })
  const toSend = { from: 'a@example.com', to: ['ada@example.com', 'eve@example.com'], subject: 'Hi', text: 'Hi' }

  it('asks with the key, by escaped IDs, and knows no email for 404', async () => {
    answer = (_, response, nth) =>
      nth === 1 ? json(response, 200, email('sent')) : json(response, 404, problem(404, 'no'))
    assert.equal((await client().status('em/1 ü', { provider: 'resend' }))?.status, 'sent')
    assert.equal(asked[0]?.url, '/v1/emails/em%2F1%20%C3%BC?provider=resend')
    assert.equal(asked[0]?.headers.authorization, 'Bearer key-of-the-tests-0001')
    assert.equal(await client().status('nobody'), null)
  })

  it('repeats a sending with the same key, whether it was given one or made it', async () => {
    answer = (_, response, nth) => {
      if (nth === 1) response.destroy()
      else if (nth === 2) json(response, 503, problem(503, 'later'), { 'retry-after': '0' })
      else if (nth === 3) json(response, 409, problem(409, 'under way'), { 'retry-after': '0' })
      else json(response, 201, email('sent'))
    }
    assert.equal((await client().send(toSend)).status, 'sent')
    const keys = new Set(asked.map(({ headers }) => headers['idempotency-key']))
    assert.deepEqual([asked.length, keys.size], [4, 1])
    assert.match([...keys][0] as string, /^[0-9a-f-]{36}$/)
    await client().send(toSend, { idempotencyKey: 'order-17' })
    assert.equal(asked.at(-1)?.headers['idempotency-key'], 'order-17')
  })

  it('says which recipient is suppressed and why', async () => {
    const errors = [{ path: 'to.1', message: 'is suppressed since …', reason: 'complaint' }]
    answer = (_, response) => json(response, 422, problem(422, 'nothing was sent', { errors }))
    await assert.rejects(client().send(toSend), (error) => {
      assert.ok(error instanceof RecipientSuppressedError && error instanceof AftersendProblemError)
      assert.deepEqual(error.recipients, [{ index: 1, reason: 'complaint' }])
      return true
    })
  })

  it('throws the problem where another try would be answered no differently', async () => {
    for (const status of [400, 401, 409, 422, 500]) {
      answer = (_, response) => json(response, status, problem(status, 'do this'))
      await assert.rejects(client().register({ id: 'em_1', to: 'ada@example.com' }), (error) => {
        assert.ok(error instanceof AftersendProblemError && !(error instanceof RecipientSuppressedError))
        assert.deepEqual([error.status, error.problem.detail], [status, 'do this'])
        return true
      })
    }
    assert.equal(asked.length, 5)
  })

  it('gives up when its time is over, and says what it was told last', async () => {
    answer = (_, response) => json(response, 503, problem(503, 'later'), { 'retry-after': '60' })
    await assert.rejects(client().status('em_1'), { name: 'AftersendProblemError', status: 503 })
    answer = () => {}
    await assert.rejects(client(200).status('em_1'), AftersendUnreachableError)
    answer = (_, response) => response.writeHead(200).end('<html>')
    await assert.rejects(client().status('em_1'), AftersendUnreachableError)
    close()
    await assert.rejects(client(600).status('em_1'), AftersendUnreachableError)
  })

  it('asks the suppression list', async () => {
    const ada = { address: 'ada@example.com', suppressed: true, reason: 'manual', since: '2026-11-25T08:00:00.000Z' }
    answer = (_, response) => json(response, 200, { data: [ada], nextCursor: null })
    assert.equal(await client().isSuppressed('Ada@example.com'), true)
    assert.deepEqual(await client().checkSuppressions(['ada@example.com']), [ada])
    assert.deepEqual([asked[0]?.method, asked[0]?.url], ['POST', '/v1/suppressions/check'])
  })

  describe('watching an email', () => {
    const stream = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })
    const message = (id: number, status: string) =>
      `id: ${id}\nevent: email\ndata: ${JSON.stringify(email(status))}\n\n`

    const seen = async (count: number, options = {}): Promise<string[]> => {
      const statuses: string[] = []
      for await (const { status } of client().watch('em/1', options)) if (statuses.push(status) === count) break
      return statuses
    }

    it('yields every state that the stream tells', async () => {
      answer = (_, response) => stream(response).write(`: hi\n\n${message(1, 'sent')}${message(2, 'delivered')}`)
      assert.deepEqual(await seen(2), ['sent', 'delivered'])
      assert.equal(asked[0]?.url, '/v1/emails/em%2F1/stream')
    })

    it('hangs up when it is not iterated any more', async () => {
      let hungUp: Promise<unknown> | undefined
      answer = (_, response) => {
        hungUp = once(response, 'close')
        stream(response).write(message(1, 'sent'))
      }
      await seen(1)
      await hungUp
    })

    it('goes on from where the connection broke', async () => {
      answer = (_, response, nth) => {
        if (nth > 1) stream(response).write(message(8, 'delivered'))
        else stream(response).write(`retry: 10\n\n${message(6, 'sent')}id: 7\n\n`, () => response.destroy())
      }
      assert.deepEqual(await seen(2), ['sent', 'delivered'])
      assert.deepEqual([asked[0]?.headers['last-event-id'], asked[1]?.headers['last-event-id']], [undefined, '7'])
    })

    it('comes back after a restart that answers 503 for a while', async () => {
      answer = (_, response, nth) => {
        if (nth === 1) stream(response).end(`retry: 10\n\n${message(1, 'sent')}`)
        else if (nth === 2) json(response, 503, problem(503, 'later'), { 'retry-after': '0' })
        else stream(response).write(message(2, 'opened'))
      }
      assert.deepEqual(await seen(2), ['sent', 'opened'])
    })

    it('asks now and then where there is no stream, and tells only of changes', async () => {
      const states = ['sent', 'sent', 'delivered']
      answer = ({ url: path }, response, nth) =>
        path.endsWith('/stream')
          ? json(response, 404, problem(404, 'no'))
          : json(response, 200, email(states[Math.min(nth - 2, 2)] ?? ''))
      assert.deepEqual(await seen(2, { pollEveryMs: 10 }), ['sent', 'delivered'])
    })

    it('throws for an email that nobody has spoken of, and for a wrong key', async () => {
      answer = (_, response) => json(response, 404, problem(404, 'no'))
      await assert.rejects(seen(1), { status: 404 })
      answer = (_, response) => json(response, 401, problem(401, 'send a key'))
      await assert.rejects(seen(1), { status: 401 })
    })

    it('ends without an error when its signal says so', async () => {
      const abort = new AbortController()
      answer = (_, response) => stream(response).write(message(1, 'sent'))
      const statuses: string[] = []
      for await (const { status } of client().watch('em/1', { signal: abort.signal })) {
        statuses.push(status)
        setImmediate(() => abort.abort())
      }
      assert.deepEqual(statuses, ['sent'])
    })
  })
})
