import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { DomainView } from '../../src/api/domain-view.ts'
import type { storedEmailView } from '../../src/api/email-view.ts'
import type { PersonView } from '../../src/api/person-view.ts'
import {
  AftersendProblemError,
  AftersendUnreachableError,
  createClient,
  type Domain,
  type Email,
  type Figures,
  type Person,
  RecipientSuppressedError,
} from '../../src/client/index.ts'
import type { Figures as ApiFigures } from '../../src/domain/figures.ts'
import { temporaryFolder } from '../stack.ts'

interface ReceivedRequest {
  readonly method: string | undefined
  readonly url: string
  readonly headers: IncomingMessage['headers']
}

/** `never` if the client's type has exactly the fields of the API's response. */
type ApiEmail = ReturnType<typeof storedEmailView>
type Misnamed = Exclude<keyof ApiEmail, keyof Email> | Exclude<keyof Email, keyof ApiEmail>
type ApiPersonEmail = PersonView['emails']['data'][number]
type PersonEmail = Person['emails']['data'][number]
type MisnamedOfPerson =
  | Exclude<keyof PersonView, keyof Person>
  | Exclude<keyof Person, keyof PersonView>
  | Exclude<keyof ApiPersonEmail, keyof PersonEmail>
  | Exclude<keyof PersonEmail, keyof ApiPersonEmail>
/** Each is the other. */
type MisnamedOfDomain =
  | (DomainView extends Domain ? never : 'view')
  | (Domain extends DeepReadonly<DomainView> ? never : 'domain')
type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T
type MisnamedOfFigures = Exclude<keyof ApiFigures, keyof Figures> | Exclude<keyof Figures, keyof ApiFigures>

describe('@aftersend/client', () => {
  it('has types of an email, of a person, of a domain and of figures with exactly the fields of the API', () => {
    const misnamed: (Misnamed | MisnamedOfPerson | MisnamedOfDomain | MisnamedOfFigures)[] = []
    assert.deepEqual(misnamed satisfies never[], [])
  })

  let requests: ReceivedRequest[]
  let respond: (request: ReceivedRequest, response: ServerResponse, nth: number) => void
  let url: string
  let close: () => void

  beforeEach(async () => {
    requests = []
    const server = createServer((incoming, response) => {
      const { method, url: path = '', headers } = incoming
      incoming.resume()
      requests.push({ method, url: path, headers })
      respond({ method, url: path, headers }, response, requests.length)
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

  it('sends the key, escapes IDs, and returns null for 404', async () => {
    respond = (_, response, nth) =>
      nth === 1 ? json(response, 200, email('sent')) : json(response, 404, problem(404, 'no'))
    assert.equal((await client().status('em/1 ü', { provider: 'resend' }))?.status, 'sent')
    assert.equal(requests[0]?.url, '/v1/emails/em%2F1%20%C3%BC?provider=resend')
    assert.equal(requests[0]?.headers.authorization, 'Bearer key-of-the-tests-0001')
    assert.equal(await client().status('nobody'), null)
  })

  it('retries send with the same idempotency key, given or generated', async () => {
    respond = (_, response, nth) => {
      if (nth === 1) response.destroy()
      else if (nth === 2) json(response, 503, problem(503, 'later'), { 'retry-after': '0' })
      else if (nth === 3) json(response, 409, problem(409, 'under way'), { 'retry-after': '0' })
      else json(response, 201, email('sent'))
    }
    assert.equal((await client().send(toSend)).status, 'sent')
    const keys = new Set(requests.map(({ headers }) => headers['idempotency-key']))
    assert.deepEqual([requests.length, keys.size], [4, 1])
    assert.match([...keys][0] as string, /^[0-9a-f-]{36}$/)
    await client().send(toSend, { idempotencyKey: 'order-17' })
    assert.equal(requests.at(-1)?.headers['idempotency-key'], 'order-17')
  })

  it('throws an error with the suppressed recipients and reasons', async () => {
    const errors = [{ path: 'to.1', message: 'is suppressed since …', reason: 'complaint' }]
    respond = (_, response) => json(response, 422, problem(422, 'nothing was sent', { errors }))
    await assert.rejects(client().send(toSend), (error) => {
      assert.ok(error instanceof RecipientSuppressedError && error instanceof AftersendProblemError)
      assert.deepEqual(error.recipients, [{ index: 1, reason: 'complaint' }])
      return true
    })
  })

  it('throws the problem if a retry would not help', async () => {
    for (const status of [400, 401, 409, 422, 500]) {
      respond = (_, response) => json(response, status, problem(status, 'do this'))
      await assert.rejects(client().register({ id: 'em_1', to: 'ada@example.com' }), (error) => {
        assert.ok(error instanceof AftersendProblemError && !(error instanceof RecipientSuppressedError))
        assert.deepEqual([error.status, error.problem.detail], [status, 'do this'])
        return true
      })
    }
    assert.equal(requests.length, 5)
  })

  it('throws the last error when its timeout is over', async () => {
    respond = (_, response) => json(response, 503, problem(503, 'later'), { 'retry-after': '60' })
    await assert.rejects(client().status('em_1'), { name: 'AftersendProblemError', status: 503 })
    respond = () => {}
    await assert.rejects(client(200).status('em_1'), AftersendUnreachableError)
    respond = (_, response) => response.writeHead(200).end('<html>')
    await assert.rejects(client().status('em_1'), AftersendUnreachableError)
    close()
    await assert.rejects(client(600).status('em_1'), AftersendUnreachableError)
  })

  it('finds emails by own IDs', async () => {
    respond = (_, response) => json(response, 200, { data: [email('sent')], nextCursor: null })
    const { data } = await client().emails.list({ externalId: 'a/1', metadata: { order: '4711', 'a b': 'ü' } })
    const [first] = data
    assert.equal(first?.status, 'sent')
    const { searchParams } = new URL(requests[0]?.url ?? '', 'http://localhost')
    assert.deepEqual(Object.fromEntries(searchParams), {
      externalId: 'a/1',
      'metadata[order]': '4711',
      'metadata[a b]': 'ü',
    })
  })

  it('is used by the example of own IDs in the documentation, which runs', async () => {
    const page = readFileSync(new URL('../../docs/http-api.md', import.meta.url), 'utf8')
    const snippet = /```ts\n([\s\S]*?)```/.exec(page.slice(page.indexOf('## Your own IDs')))?.[1] ?? ''
    const file = join(await temporaryFolder(), 'own-ids.mts')
    const library = new URL('../../src/client/index.ts', import.meta.url)
    await writeFile(file, snippet.replace("'@aftersend/client'", `'${library}'`))
    Object.assign(process.env, { AFTERSEND_URL: url, AFTERSEND_API_KEY: 'key-of-the-tests-0001' })
    const registered = { ...email('sent'), externalId: 'order-4711/receipt' }
    respond = ({ method }, response) =>
      method === 'POST'
        ? json(response, 201, registered)
        : json(response, 200, { data: [registered], nextCursor: null })
    const { statuses } = (await import(file)) as { statuses: string[] }
    assert.deepEqual(statuses, ['order-4711/receipt: sent'])
    assert.equal(requests[1]?.url, '/v1/emails?metadata%5Border%5D=4711')
  })

  it('lists channels, and sends a test to one once', async () => {
    const oncall = { name: 'on call', type: 'slack' }
    respond = ({ method }, response) =>
      method === 'GET'
        ? json(response, 200, { data: [oncall] })
        : json(response, 503, problem(503, 'later'), { 'retry-after': '0' })
    assert.deepEqual(await client().channels.list(), [oncall])
    await assert.rejects(client().channels.test('on call'), { name: 'AftersendProblemError', status: 503 })
    assert.deepEqual(
      requests.map(({ url: path }) => path),
      ['/v1/channels', '/v1/channels/on%20call/test'],
    )
  })

  it('checks the suppression list', async () => {
    const ada = { address: 'ada@example.com', suppressed: true, reason: 'manual', since: '2026-11-25T08:00:00.000Z' }
    respond = (_, response) => json(response, 200, { data: [ada], nextCursor: null })
    assert.equal(await client().isSuppressed('Ada@example.com'), true)
    assert.deepEqual(await client().checkSuppressions(['ada@example.com']), [ada])
    assert.deepEqual([requests[0]?.method, requests[0]?.url], ['POST', '/v1/suppressions/check'])
  })

  it('looks up a person without the address in the URL', async () => {
    respond = (_, response) => json(response, 200, { address: 'ada@example.com', suppressed: false })
    const { suppressed } = await client().recipients.lookup('Ada@example.com', { limit: 3 })
    assert.equal(suppressed, false)
    assert.deepEqual([requests[0]?.method, requests[0]?.url], ['POST', '/v1/recipients/lookup'])
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

    it('yields every state of the stream', async () => {
      respond = (_, response) => stream(response).write(`: hi\n\n${message(1, 'sent')}${message(2, 'delivered')}`)
      assert.deepEqual(await seen(2), ['sent', 'delivered'])
      assert.equal(requests[0]?.url, '/v1/emails/em%2F1/stream')
    })

    it('closes the connection when the iteration stops', async () => {
      let closed: Promise<unknown> | undefined
      respond = (_, response) => {
        closed = once(response, 'close')
        stream(response).write(message(1, 'sent'))
      }
      await seen(1)
      await closed
    })

    it('reconnects and resumes after the last event', async () => {
      respond = (_, response, nth) => {
        if (nth > 1) stream(response).write(message(8, 'delivered'))
        else stream(response).write(`retry: 10\n\n${message(6, 'sent')}id: 7\n\n`, () => response.destroy())
      }
      assert.deepEqual(await seen(2), ['sent', 'delivered'])
      assert.deepEqual([requests[0]?.headers['last-event-id'], requests[1]?.headers['last-event-id']], [undefined, '7'])
    })

    it('reconnects after a restart with a 503', async () => {
      respond = (_, response, nth) => {
        if (nth === 1) stream(response).end(`retry: 10\n\n${message(1, 'sent')}`)
        else if (nth === 2) json(response, 503, problem(503, 'later'), { 'retry-after': '0' })
        else stream(response).write(message(2, 'opened'))
      }
      assert.deepEqual(await seen(2), ['sent', 'opened'])
    })

    it('polls if there is no stream, and yields only changes', async () => {
      const states = ['sent', 'sent', 'delivered']
      respond = ({ url: path }, response, nth) =>
        path.endsWith('/stream')
          ? json(response, 404, problem(404, 'no'))
          : json(response, 200, email(states[Math.min(nth - 2, 2)] ?? ''))
      assert.deepEqual(await seen(2, { pollEveryMs: 10 }), ['sent', 'delivered'])
    })

    it('throws for an unknown email, and for a wrong key', async () => {
      respond = (_, response) => json(response, 404, problem(404, 'no'))
      await assert.rejects(seen(1), { status: 404 })
      respond = (_, response) => json(response, 401, problem(401, 'send a key'))
      await assert.rejects(seen(1), { status: 401 })
    })

    it('ends without an error when its signal is aborted', async () => {
      const abort = new AbortController()
      respond = (_, response) => stream(response).write(message(1, 'sent'))
      const statuses: string[] = []
      for await (const { status } of client().watch('em/1', { signal: abort.signal })) {
        statuses.push(status)
        setImmediate(() => abort.abort())
      }
      assert.deepEqual(statuses, ['sent'])
    })
  })
})
