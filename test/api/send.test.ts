import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { eraseRecipient } from '../../src/db/erasure.ts'
import { keyFingerprints } from '../../src/db/sendings.ts'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createAisendApi } from '../../src/providers/aisend/api.ts'
import type { ProviderApi } from '../../src/providers/provider-api.ts'
import { createResendApi } from '../../src/providers/resend/api.ts'
import { type ApiStandIn, startApiStandIn } from '../providers/api-stand-in.ts'
import { quietLog } from '../quiet.ts'
import { useDatabase } from '../stack.ts'
import { apiKey, EmailWorkflowsInMemory, problemIn, quietMetrics, useApi } from './served.ts'

interface SentEmail {
  id: string
  provider: string
  to: string | string[]
  status: string
  priority: string
  tags: string[]
  registeredAt: string | null
}

const invitation = {
  from: 'Acme <hello@acme.example>',
  to: ['Ada <Ada@example.com>', 'grace@example.com'],
  subject: 'Your invitation',
  text: 'Come!',
  priority: 'critical',
  tags: ['invitation'],
}

describe('POST /v1/emails/send', () => {
  const { db } = useDatabase('emails, events, escalations, suppressions, sendings')
  let resend: ApiStandIn
  let aisend: ApiStandIn
  let inbox: RunningInbox
  /** The email that each key sent, which Resend remembers for a day. */
  let sentByKey: Map<string, string>

  beforeEach(async () => {
    resend = await startApiStandIn()
    aisend = await startApiStandIn()
    sentByKey = new Map()
    resend.answer = ({ headers }, response) => {
      const key = String(headers['idempotency-key'])
      const id = sentByKey.get(key) ?? `re_${sentByKey.size + 1}`
      sentByKey.set(key, id)
      response.writeHead(200).end(JSON.stringify({ id }))
    }
    inbox = createInbox({
      db,
      emailWorkflows: new EmailWorkflowsInMemory(),
      metrics: quietMetrics(),
      log: quietLog,
      relay: { pollEveryMs: 3_600_000 },
    })
  })
  const served = useApi(() => ({ db, inbox, providerApis: apis() }))
  afterEach(async () => {
    await inbox.close()
    resend.close()
    aisend.close()
  })

  const apis = (): Map<string, ProviderApi> =>
    new Map([
      ['resend', createResendApi({ apiUrl: resend.apiUrl, apiKey: 're_key', timeoutMs: 1_000 })],
      ['aisend', createAisendApi({ apiUrl: aisend.apiUrl, apiKey: 'as_key', timeoutMs: 1_000 })],
    ])

  const send = (body: Record<string, unknown> = invitation, key?: string) =>
    fetch(`${served.url}/v1/emails/send`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      body: JSON.stringify(body),
    })
  const emailIn = async (response: Response): Promise<SentEmail> => {
    assert.equal(response.status, 201, await response.clone().text())
    return (await response.json()) as SentEmail
  }
  /** As half a minute after a crash during sending. */
  const expireClaims = () => db.$executeRaw`UPDATE sendings SET lease_until = now() - interval '1 second'`

  it('sends, registers and answers with the email, priority and tags included', async () => {
    const response = await send(invitation, 'order-17')
    const email = await emailIn(response)
    assert.deepEqual([email.id, email.provider, email.status], ['re_1', 'resend', 'sent'])
    assert.deepEqual(
      [email.to, email.priority, email.tags],
      [['Ada@example.com', 'grace@example.com'], 'critical', ['invitation']],
    )
    assert.ok(email.registeredAt)
    assert.deepEqual(
      [response.headers.get('location'), response.headers.get('idempotency-key')],
      ['/v1/emails/re_1?provider=resend', 'order-17'],
    )
    const [asked] = resend.requests
    assert.equal(asked?.headers['idempotency-key'], 'order-17')
    assert.deepEqual((asked?.body as typeof invitation | undefined)?.to, invitation.to)
  })

  it('sends nothing when a recipient is suppressed, and says which and why', async () => {
    await addManualSuppression(db, 'default', 'ada@example.com')
    const response = await send(invitation, 'order-17')
    assert.equal(response.status, 422)
    const problem = (await problemIn(response)) as { errors?: { path: string; message: string; reason?: string }[] }
    assert.deepEqual(
      problem.errors?.map(({ path, reason }) => [path, reason]),
      [['to.0', 'manual']],
    )
    assert.equal(resend.requests.length, 0)
    // The key sent nothing, so it can be used again.
    assert.equal((await send({ ...invitation, to: 'grace@example.com' }, 'order-17')).status, 201)
  })

  it('sends nothing when one of several mailboxes in a text is suppressed, or a text is ambiguous', async () => {
    await addManualSuppression(db, 'default', 'ada@example.com')
    const several = [
      'Ada <ada@example.com>, Bob <bob@example.com>',
      ['grace@example.com', 'bob@example.com, Grace <ada@example.com>'],
      'ada@example.com, Grace <grace@example.com>',
      'Team: grace@example.com, ada@example.com;',
    ]
    for (const to of several) {
      const response = await send({ ...invitation, to })
      assert.equal(response.status, 422, String(to))
      assert.deepEqual(
        (await problemIn(response)).errors?.map(({ path }) => path),
        [Array.isArray(to) ? 'to.1' : 'to.0'],
      )
    }
    const ambiguous = ['ada@example.com Grace <grace@example.com>', 'Grace <grace@example.com> <ada@example.com>']
    for (const to of ambiguous) assert.equal((await send({ ...invitation, to })).status, 400, to)
    assert.equal((await send({ ...invitation, from: 'a@acme.example, b@acme.example' })).status, 400)
    assert.equal(resend.requests.length, 0)
  })

  it('sends mailboxes that it wrote itself, never the text of the request', async () => {
    const to = ['Lovelace, Ada <Ada@Example.com>; <bob@bücher.example>', '  "Grace"   <grace@example.com>']
    const { id } = await emailIn(await send({ ...invitation, from: 'Acme (sales) <hello@acme.example>', to }))
    const body = resend.requests[0]?.body as typeof invitation | undefined
    assert.deepEqual(body?.to, [
      '"Lovelace, Ada" <Ada@example.com>',
      'bob@xn--bcher-kva.example',
      'Grace <grace@example.com>',
    ])
    assert.equal(body?.from, 'Acme <hello@acme.example>')
    const email = await db.email.findFirstOrThrow({ where: { id } })
    assert.deepEqual(email.recipients, ['ada@example.com', 'bob@xn--bcher-kva.example', 'grace@example.com'])
  })

  it('sends nothing to an address that is suppressed under another spelling of its domain', async () => {
    await addManualSuppression(db, 'default', 'ada@xn--bcher-kva.example')
    for (const to of ['ada@bücher.example', 'ada@BÜCHER.example', 'ada@bu\u0308cher.example'])
      assert.equal((await send({ ...invitation, to })).status, 422, to)
    assert.equal(resend.requests.length, 0)
  })

  it('answers the same key with the same email, and sends nothing more', async () => {
    const first = await emailIn(await send(invitation, 'order-17'))
    const again = await send(invitation, 'order-17')
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    assert.equal((await emailIn(again)).id, first.id)
    assert.equal(resend.requests.length, 1)
  })

  it('answers the same key with the same email even if its recipient was suppressed since', async () => {
    const { id } = await emailIn(await send(invitation, 'order-17'))
    await addManualSuppression(db, 'default', 'ada@example.com')
    assert.equal((await emailIn(await send(invitation, 'order-17'))).id, id)
  })

  it('refuses a key that belongs to another request', async () => {
    await send(invitation, 'order-17')
    for (const change of [
      { subject: 'Another' },
      { to: 'eve@example.com' },
      { priority: 'bulk' },
      { provider: 'aisend' },
    ]) {
      const response = await send({ ...invitation, ...change }, 'order-17')
      assert.equal(response.status, 409)
      assert.match((await problemIn(response)).detail, /another request/)
    }
    assert.equal(resend.requests.length + aisend.requests.length, 1)
  })

  /** The hash that versions before 0.5 stored, by which a request can be found by trying. */
  const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url')
  const outgoing = {
    from: 'Acme <hello@acme.example>',
    to: ['Ada <Ada@example.com>', 'grace@example.com'],
    ...{ subject: 'Your invitation', html: null, text: 'Come!', headers: {}, tags: ['invitation'] },
  }
  const guessed = hashOf(JSON.stringify([outgoing, 'critical']))
  const fingerprint = async () => (await db.sending.findFirstOrThrow()).fingerprint

  it('stores no hash of the request that can be tried without the key', async () => {
    assert.equal((await send(invitation, 'key')).status, 201)
    assert.notEqual(await fingerprint(), guessed)
    assert.match(await fingerprint(), /^hmac-sha256:/)
  })

  it('accepts the hashes of older versions, and replaces them', async () => {
    assert.equal((await send(invitation, 'key')).status, 201)
    const keyed = await fingerprint()
    await db.sending.updateMany({ data: { fingerprint: guessed } })
    const again = await send(invitation, 'key')
    assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [201, 'true'])
    assert.deepEqual([await keyFingerprints(db, 10), await keyFingerprints(db, 10)], [1, 0])
    assert.equal(await fingerprint(), keyed)
  })

  it('stores nothing of a request to an erased person, and refuses its repetition', async () => {
    assert.equal((await send(invitation, 'key')).status, 201)
    await eraseRecipient(db, 'ada@example.com', 10)
    assert.equal(await fingerprint(), 'hmac-sha256:erased')
    assert.equal((await send(invitation, 'key')).status, 409)
  })

  describe('with an ID of the application', () => {
    const own = { ...invitation, externalId: 'invitation-17', metadata: { team: '4' } }
    const holderIn = async (response: Response) => {
      assert.equal(response.status, 409)
      return (await problemIn(response)).errors?.[0]?.message
    }

    it('registers, answers and hands over ID and metadata', async () => {
      const email = (await emailIn(await send(own, 'a'))) as SentEmail & Pick<typeof own, 'externalId' | 'metadata'>
      assert.deepEqual([email.externalId, email.metadata, email.tags], ['invitation-17', { team: '4' }, ['invitation']])
      const handed = resend.requests[0]?.body as { tags: { name: string; value: string }[] } | undefined
      assert.ok(handed?.tags.some(({ name, value }) => name === 'external_id' && value === 'invitation-17'))
      assert.equal((await send(own, 'a')).headers.get('idempotency-replayed'), 'true')
      assert.equal((await send({ ...own, metadata: { team: '5' } }, 'a')).status, 409)
    })

    it('sends nothing under an ID that another email has, names that email, and leaves the key free', async () => {
      const { id } = await emailIn(await send(own, 'a'))
      for (const key of ['b', undefined])
        assert.equal(await holderIn(await send(own, key)), `belongs to the email ${id} of resend`)
      await inbox.register({
        ...{ provider: 'aisend', emailId: 'em_1', to: ['eve@example.com'], subject: null, tags: null },
        ...{ priority: null, as: 'sent', externalId: 'other' },
      })
      assert.equal(
        await holderIn(await send({ ...own, externalId: 'other' }, 'c')),
        'belongs to the email em_1 of aisend',
      )
      assert.equal(resend.requests.length, 1)
      assert.equal((await emailIn(await send({ ...own, externalId: 'third' }, 'c'))).id, 're_2')
    })

    it('sends one email for concurrent requests with different keys', async () => {
      const responses = await Promise.all(['a', 'b', 'c'].map((key) => send(own, key)))
      assert.deepEqual(responses.map(({ status }) => status).sort(), [201, 409, 409])
      assert.equal(resend.requests.length, 1)
    })
  })

  it('sends once for concurrent requests with one key', async () => {
    const statuses = (await Promise.all([send(invitation, 'k'), send(invitation, 'k'), send(invitation, 'k')])).map(
      ({ status }) => status,
    )
    assert.ok(statuses.includes(201))
    assert.ok(statuses.every((status) => status === 201 || status === 409))
    assert.equal(resend.requests.length, 1)
  })

  it('sends every request without a key', async () => {
    const [one, two] = [await emailIn(await send()), await emailIn(await send())]
    assert.notEqual(one.id, two.id)
  })

  it('gets the email from Resend when a process crashed before it stored the answer', async () => {
    const { id } = await emailIn(await send(invitation, 'order-17'))
    await db.$executeRaw`UPDATE sendings SET email_id = NULL`
    assert.equal((await send(invitation, 'order-17')).status, 409, 'while the crashed process could still be sending')
    await expireClaims()
    assert.equal((await emailIn(await send(invitation, 'order-17'))).id, id)
    assert.equal(sentByKey.size, 1)
  })

  it('registers on a retry what was sent but not registered', async () => {
    const { id } = await emailIn(await send(invitation, 'order-17'))
    await db.$executeRaw`TRUNCATE emails, events CASCADE`
    const again = await emailIn(await send(invitation, 'order-17'))
    assert.deepEqual([again.id, again.priority], [id, 'critical'])
    assert.equal(resend.requests.length, 1)
  })

  it('does not send again what AISend may have sent, and says that it is unknown', async () => {
    aisend.answer = (_, response) => response.destroy()
    const first = await send({ ...invitation, provider: 'aisend' }, 'order-18')
    assert.equal(first.status, 503)
    assert.match((await problemIn(first)).detail, /not known whether/)
    const second = await send({ ...invitation, provider: 'aisend' }, 'order-18')
    assert.equal(second.status, 409)
    assert.match((await problemIn(second)).detail, /is not known/)
    assert.equal(aisend.requests.length, 1)
  })

  it('does not rely on a key that Resend has forgotten', async () => {
    resend.answer = (_, response) => response.destroy()
    assert.equal((await send(invitation, 'order-17')).status, 503)
    await db.$executeRaw`UPDATE sendings SET created_at = now() - interval '23 hours 30 minutes'`
    const asked = resend.requests.length
    assert.equal((await send(invitation, 'order-17')).status, 409)
    assert.equal(resend.requests.length, asked)
  })

  it('remembers that an earlier attempt may have been sent after a later one was not', async () => {
    aisend.answer = (_, response) => response.destroy()
    await send({ ...invitation, provider: 'aisend' }, 'order-18')
    await addManualSuppression(db, 'default', 'ada@example.com')
    assert.equal((await send({ ...invitation, provider: 'aisend' }, 'order-18')).status, 409)
    assert.equal((await send({ ...invitation, provider: 'aisend' }, 'order-18')).status, 409)
    assert.equal(aisend.requests.length, 1)
  })

  it('reports a refusal with the provider’s error code but not its message', async () => {
    resend.answerWith(422, {
      statusCode: 422,
      name: 'validation_error',
      message: 'The domain of eve@example.com is not verified',
    })
    const response = await send(invitation, 'order-17')
    assert.equal(response.status, 422)
    assert.match((await problemIn(response)).detail, /validation_error/)
    resend.answerWith(401, {})
    assert.equal((await send(invitation, 'order-17')).status, 502)
  })

  it('passes on Retry-After when the provider limits the rate, and sends later', async () => {
    resend.answerWith(429, {}, { 'retry-after': '7' })
    const response = await send(invitation, 'order-17')
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '7'])
    resend.answerWith(200, { id: 're_9' })
    assert.equal((await emailIn(await send(invitation, 'order-17'))).id, 're_9')
  })

  it('answers 400 to invalid emails, with the path, and sends nothing', async () => {
    const wrong: [Record<string, unknown>, string][] = [
      [{ from: 'nobody' }, 'from'],
      [{ to: [] }, 'to'],
      [{ to: ['ada@example.com', 'x'] }, 'to.1'],
      [{ subject: 'a\r\nBcc: eve@example.com' }, 'subject'],
      [{ text: '' }, 'text'],
      [{ headers: { 'X-A': 'a\r\nBcc: eve@example.com' } }, 'headers.X-A'],
      [{ headers: { Bcc: 'eve@example.com' } }, 'headers'],
      [{ provider: 'postmark' }, 'provider'],
    ]
    for (const [change, path] of wrong) {
      const response = await send({ ...invitation, ...change })
      assert.equal(response.status, 400, path)
      assert.deepEqual(
        [path],
        (await problemIn(response)).errors?.map((error) => error.path),
      )
    }
    assert.equal((await send(invitation, 'ä')).status, 400)
    assert.equal(resend.requests.length, 0)
  })

  it('names the settings when no provider is configured', async () => {
    await served.restart({ providerApis: new Map() })
    const response = await send()
    assert.equal(response.status, 409)
    assert.match((await problemIn(response)).detail, /RESEND_API_KEY/)
  })

  it('logs no address, subject or key', async () => {
    await addManualSuppression(db, 'default', 'ada@example.com')
    await send(invitation, 'order-17')
    resend.answerWith(500, {})
    await send({ ...invitation, to: 'grace@example.com' }, 'order-18')
    const log = served.logged.join('\n')
    assert.match(log, /emails\/send/)
    assert.doesNotMatch(log, /example\.com|invitation|order-1|re_key/i)
  })
})
