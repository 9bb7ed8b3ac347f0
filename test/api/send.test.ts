import assert from 'node:assert/strict'
import type { Database } from '../../src/db/database.ts'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { createInbox, type RunningInbox } from '../../src/inbox/create-inbox.ts'
import { createAisendApi } from '../../src/providers/aisend-api.ts'
import type { ProviderApi } from '../../src/providers/provider.ts'
import { createResendApi } from '../../src/providers/resend-api.ts'
import { type ApiStandIn, startApiStandIn } from '../providers/api-stand-in.ts'
import { quietLog } from '../quiet.ts'
import { testDatabase } from '../stack.ts'
import { apiKey, LivesInMemory, problemIn, quietMetrics, type Served, serve } from './served.ts'

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
  let database: Awaited<ReturnType<typeof testDatabase>>
  let db: Database
  let resend: ApiStandIn
  let aisend: ApiStandIn
  let inbox: RunningInbox
  let served: Served
  /** What Resend keeps for a day: the email that each key sent. */
  let sentByKey: Map<string, string>

  before(async () => {
    database = await testDatabase()
    db = database.db
  })
  after(() => database.drop())

  beforeEach(async () => {
    await db.$executeRaw`TRUNCATE emails, events, escalations, suppressions, sendings CASCADE`
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
      lives: new LivesInMemory(),
      metrics: quietMetrics(),
      log: quietLog,
      sweepEveryMs: 3_600_000,
    })
    served = await serve({ db, inbox, providerApis: apis() })
  })
  afterEach(async () => {
    await served.stop()
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
  /** As after a process that died while it was sending, and half a minute. */
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
    const [asked] = resend.asked
    assert.equal(asked?.headers['idempotency-key'], 'order-17')
    assert.deepEqual((asked?.body as typeof invitation | undefined)?.to, invitation.to)
  })

  it('sends to nobody when one of the recipients is suppressed, and says who and why', async () => {
    await addManualSuppression(db, 'ada@example.com')
    const response = await send(invitation, 'order-17')
    assert.equal(response.status, 422)
    const problem = (await problemIn(response)) as { errors?: { path: string; message: string; reason?: string }[] }
    assert.deepEqual(
      problem.errors?.map(({ path, reason }) => [path, reason]),
      [['to.0', 'manual']],
    )
    assert.equal(resend.asked.length, 0)
    // The key has sent nothing, so it is free again.
    assert.equal((await send({ ...invitation, to: 'grace@example.com' }, 'order-17')).status, 201)
  })

  it('answers the same key with the same email, and sends nothing more', async () => {
    const first = await emailIn(await send(invitation, 'order-17'))
    const again = await send(invitation, 'order-17')
    assert.equal(again.headers.get('idempotency-replayed'), 'true')
    assert.equal((await emailIn(again)).id, first.id)
    assert.equal(resend.asked.length, 1)
  })

  it('answers the same key with the same email also when its recipient has been suppressed since', async () => {
    const { id } = await emailIn(await send(invitation, 'order-17'))
    await addManualSuppression(db, 'ada@example.com')
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
    assert.equal(resend.asked.length + aisend.asked.length, 1)
  })

  it('sends once when two requests with one key come at the same moment', async () => {
    const statuses = (await Promise.all([send(invitation, 'k'), send(invitation, 'k'), send(invitation, 'k')])).map(
      ({ status }) => status,
    )
    assert.ok(statuses.includes(201))
    assert.ok(statuses.every((status) => status === 201 || status === 409))
    assert.equal(resend.asked.length, 1)
  })

  it('sends every request that brings no key', async () => {
    const [one, two] = [await emailIn(await send()), await emailIn(await send())]
    assert.notEqual(one.id, two.id)
  })

  it('has Resend tell which email was sent when this process died between its answer and our note of it', async () => {
    const { id } = await emailIn(await send(invitation, 'order-17'))
    await db.$executeRaw`UPDATE sendings SET email_id = NULL`
    assert.equal((await send(invitation, 'order-17')).status, 409, 'while the one who died might still be at it')
    await expireClaims()
    assert.equal((await emailIn(await send(invitation, 'order-17'))).id, id)
    assert.equal(sentByKey.size, 1)
  })

  it('registers at the repeat what was sent and not registered', async () => {
    const { id } = await emailIn(await send(invitation, 'order-17'))
    await db.$executeRaw`TRUNCATE emails, events CASCADE`
    const again = await emailIn(await send(invitation, 'order-17'))
    assert.deepEqual([again.id, again.priority], [id, 'critical'])
    assert.equal(resend.asked.length, 1)
  })

  it('does not send again what AISend may have sent, and says that nobody knows', async () => {
    aisend.answer = (_, response) => response.destroy()
    const first = await send({ ...invitation, provider: 'aisend' }, 'order-18')
    assert.equal(first.status, 503)
    assert.match((await problemIn(first)).detail, /not known whether/)
    const second = await send({ ...invitation, provider: 'aisend' }, 'order-18')
    assert.equal(second.status, 409)
    assert.match((await problemIn(second)).detail, /is not known/)
    assert.equal(aisend.asked.length, 1)
  })

  it('does not rely on a key that Resend has forgotten by now', async () => {
    resend.answer = (_, response) => response.destroy()
    assert.equal((await send(invitation, 'order-17')).status, 503)
    await db.$executeRaw`UPDATE sendings SET created_at = now() - interval '23 hours 30 minutes'`
    const asked = resend.asked.length
    assert.equal((await send(invitation, 'order-17')).status, 409)
    assert.equal(resend.asked.length, asked)
  })

  it('keeps in mind that an earlier try may have been sent when a later one was certainly not', async () => {
    aisend.answer = (_, response) => response.destroy()
    await send({ ...invitation, provider: 'aisend' }, 'order-18')
    await addManualSuppression(db, 'ada@example.com')
    assert.equal((await send({ ...invitation, provider: 'aisend' }, 'order-18')).status, 409)
    assert.equal((await send({ ...invitation, provider: 'aisend' }, 'order-18')).status, 409)
    assert.equal(aisend.asked.length, 1)
  })

  it('tells what the provider refuses, in its own word and without its sentence', async () => {
    resend.says(422, {
      statusCode: 422,
      name: 'validation_error',
      message: 'The domain of eve@example.com is not verified',
    })
    const response = await send(invitation, 'order-17')
    assert.equal(response.status, 422)
    assert.match((await problemIn(response)).detail, /validation_error/)
    resend.says(401, {})
    assert.equal((await send(invitation, 'order-17')).status, 502)
  })

  it('says when to come back when the provider has enough of us, and sends then', async () => {
    resend.says(429, {}, { 'retry-after': '7' })
    const response = await send(invitation, 'order-17')
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '7'])
    resend.says(200, { id: 're_9' })
    assert.equal((await emailIn(await send(invitation, 'order-17'))).id, 're_9')
  })

  it('refuses what is no email before anybody is asked, and says where', async () => {
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
    assert.equal(resend.asked.length, 0)
  })

  it('says what is to be set where nothing can be sent through', async () => {
    await served.stop()
    served = await serve({ db, inbox })
    const response = await send()
    assert.equal(response.status, 409)
    assert.match((await problemIn(response)).detail, /RESEND_API_KEY/)
  })

  it('puts no address, subject or key into the log', async () => {
    await addManualSuppression(db, 'ada@example.com')
    await send(invitation, 'order-17')
    resend.says(500, {})
    await send({ ...invitation, to: 'grace@example.com' }, 'order-18')
    const log = served.logged.join('\n')
    assert.match(log, /emails\/send/)
    assert.doesNotMatch(log, /example\.com|invitation|order-1|re_key/i)
  })
})
