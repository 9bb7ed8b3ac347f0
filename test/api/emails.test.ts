import assert from 'node:assert/strict'
import { DatabaseUnavailableError } from '../../src/errors.ts'
import { aisend } from '../../src/providers/aisend/webhook.ts'
import { useDatabase } from '../stack.ts'
import { problemIn, useApi, webhookSecret } from './served.ts'

interface EmailAnswer {
  id: string
  provider: string
  to: string | string[] | null
  status: string
  sentAt: string | null
  events: { id: string; type: string; appliedAt: string | null }[]
  escalations: { id: string }[]
  [field: string]: unknown
}

describe('/v1/emails', () => {
  const { db } = useDatabase('emails, events, escalations')
  const source = { provider: aisend, secrets: [webhookSecret] }
  const sources = ['aisend', 'other'].map((name) => [name, source] as const)
  const served = useApi(() => ({ db, webhooks: new Map(sources) }))

  const storeRegistrations = () => {
    served.inbox.register = async (registration) => {
      const { provider, emailId: id, to, subject, tags, priority, as } = registration
      served.inbox.registrations.push(registration)
      const created = (await db.email.findUnique({ where: { id_provider: { id, provider } } })) === null
      const facts = { to: [...to], subject, ...(tags && { tags: [...tags] }), ...(priority && { priority }) }
      await db.email.upsert({
        where: { id_provider: { id, provider } },
        create: {
          id,
          provider,
          ...facts,
          status: as,
          delivery: as,
          registeredAt: new Date(1_000),
          registeredAsSent: as === 'sent',
        },
        update: facts,
      })
      return { created }
    }
  }
  beforeEach(storeRegistrations)
  const restartWith = async (...names: string[]) => {
    await served.restart({ webhooks: new Map(names.map((name) => [name, source])) })
    storeRegistrations()
  }

  const get = async (path: string): Promise<EmailAnswer> => {
    const response = await served.call('GET', path)
    assert.equal(response.status, 200, path)
    return (await response.json()) as EmailAnswer
  }
  const event = (eventId: string, type: string, at: number, more: Record<string, unknown> = {}) =>
    db.event.create({
      data: {
        provider: 'aisend',
        eventId,
        emailId: 'em_1',
        type,
        occurredAt: new Date(at),
        receivedAt: new Date(at + 500),
        leaseUntil: new Date(at),
        payload: {},
        ...more,
      },
    })

  describe('registering', () => {
    it('answers 201 with the email and its URL, and 200 when it was registered before', async () => {
      const body = {
        id: 'em/1 é',
        to: 'Ada <Ada@Example.com>',
        subject: 'Hello',
        priority: 'critical',
        tags: { kind: 'welcome' },
      }
      const first = await served.call('POST', '/v1/emails', body)
      assert.equal(first.status, 201)
      assert.equal(first.headers.get('location'), '/v1/emails/em%2F1%20%C3%A9')
      const email = (await first.json()) as EmailAnswer
      assert.deepEqual(email, await get(first.headers.get('location') ?? ''))
      assert.equal(email.to, 'Ada@Example.com')
      assert.deepEqual(email['tags'], ['kind:welcome'])
      assert.equal(email['workflowId'], 'email/aisend/em/1 é')
      assert.equal(email.status, 'sent')
      assert.equal(email.sentAt, new Date(1_000).toISOString())
      assert.equal((await served.call('POST', '/v1/emails', body)).status, 200)
    })

    it('accepts one recipient or several, and stores null for missing fields', async () => {
      const response = await served.call('POST', '/v1/emails', {
        id: 'a',
        to: ['a@x.com', 'B <b@x.com>'],
        status: 'queued',
      })
      assert.deepEqual(((await response.json()) as EmailAnswer).to, ['a@x.com', 'b@x.com'])
      assert.deepEqual(served.inbox.registrations[0], {
        provider: 'aisend',
        emailId: 'a',
        to: ['a@x.com', 'b@x.com'],
        subject: null,
        tags: null,
        priority: null,
        as: 'queued',
        externalId: null,
        metadata: null,
      })
    })

    it('takes a text with several mailboxes as several recipients', async () => {
      const to = ['Ada <ada@x.com>, "Hopper, Grace" <grace@x.com>', 'Bob@bücher.example']
      assert.equal((await served.call('POST', '/v1/emails', { id: 'a', to })).status, 201)
      assert.equal((await served.call('POST', '/v1/emails', { id: 'b', to: to[0] })).status, 201)
      assert.deepEqual(
        served.inbox.registrations.map((registration) => registration.to),
        [
          ['ada@x.com', 'grace@x.com', 'Bob@bücher.example'],
          ['ada@x.com', 'grace@x.com'],
        ],
      )
      const many = Array(51).fill('a@x.com').join(', ')
      assert.equal((await served.call('POST', '/v1/emails', { id: 'c', to: many })).status, 400)
    })

    it('takes the ID as the API or SDK of the provider writes it, and finds the email under all spellings', async () => {
      const written: Record<string, [id: string, others: string[]]> = {
        mailgun: ['20261129.1.ABC@example.org', ['<20261129.1.ABC@example.org>']],
        ses: [
          '0102018f-1111-000000',
          [
            '<0102018f-1111-000000@eu-west-1.amazonses.com>',
            '0102018f-1111-000000@email.amazonses.com',
            '<0102018f-1111-000000@cn-north-1.amazonses.com.cn>',
          ],
        ],
        sendgrid: ['14c5d75ce93.dfd', ['14c5d75ce93.dfd.filter0001.16648', '<14c5d75ce93.dfd@ismtpd-555>']],
        postmark: ['883953f4-6105-42a2-a16a-77a8eac79483', ['<883953f4-6105-42a2-a16a-77a8eac79483@mtasv.net>']],
      }
      await restartWith(...Object.keys(written))
      for (const [provider, [id, others]] of Object.entries(written)) {
        const answer = (await (
          await served.call('POST', '/v1/emails', { id: others[0], provider, to: 'a@x.com' })
        ).json()) as EmailAnswer
        assert.equal(answer.id, id)
        for (const name of [id, ...others]) {
          const path = `/v1/emails/${encodeURIComponent(name)}`
          assert.equal((await get(path)).id, id)
          assert.equal((await get(`${path}?provider=${provider}`)).id, id)
          const stream = await served.call('GET', `${path}/stream`)
          assert.equal(stream.status, 200)
          await stream.body?.cancel()
        }
      }
      assert.equal((await served.call('GET', '/v1/emails/%3Cnobody@example.org%3E')).status, 404)
    })

    it('registers under the name of the provider, whichever account sends, and refuses the name of an account', async () => {
      await restartWith('resend/eu')
      const response = await served.call('POST', '/v1/emails', { id: 'a', to: 'a@x.com', provider: 'resend/eu' })
      assert.equal(response.status, 400)
      assert.match((await problemIn(response)).detail, /must be one of: resend$/)
      assert.equal(
        (await served.call('POST', '/v1/emails', { id: 'a', to: 'a@x.com', provider: 'resend' })).status,
        201,
      )
    })

    it('includes another provider in the URL', async () => {
      const response = await served.call('POST', '/v1/emails', { id: 'a', to: 'a@x.com', provider: 'other' })
      assert.equal(response.headers.get('location'), '/v1/emails/a?provider=other')
    })

    const good = { id: 'a', to: 'a@x.com' }
    const invalid: Record<string, [object, string]> = {
      'no id': [{ to: 'a@x.com' }, 'id'],
      'an empty id': [{ ...good, id: ' ' }, 'id'],
      'a long id': [{ ...good, id: 'x'.repeat(256) }, 'id'],
      'a numeric id': [{ ...good, id: 5 }, 'id'],
      'a control character in the id': [{ ...good, id: 'a\nb' }, 'id'],
      'no recipient': [{ id: 'a', to: [] }, 'to'],
      'a recipient that is no address': [{ ...good, to: ['a@x.com', 'nobody'] }, 'to.1'],
      'a recipient beside another one without a comma': [{ ...good, to: 'a@x.com B <b@x.com>' }, 'to.0'],
      'too many recipients': [{ ...good, to: Array(51).fill('a@x.com') }, 'to'],
      'a NUL in the recipient': [{ ...good, to: 'a\u0000@x.com' }, 'to.0'],
      'a NUL in the subject': [{ ...good, subject: 'a\u0000' }, 'subject'],
      'half a surrogate pair in the subject': [{ ...good, subject: '\ud83d' }, 'subject'],
      'an unknown priority': [{ ...good, priority: 'high' }, 'priority'],
      'an unknown status': [{ ...good, status: 'delivered' }, 'status'],
      'a provider that is not configured': [{ ...good, provider: 'resend' }, 'provider'],
      'a NUL in a tag': [{ ...good, tags: ['a\u0000'] }, 'tags'],
      'a tag that is no text': [{ ...good, tags: { a: 1 } }, 'tags'],
    }
    for (const [name, [body, path]] of Object.entries(invalid)) {
      it(`answers 400 to ${name}, with its path`, async () => {
        const response = await served.call('POST', '/v1/emails', body)
        assert.equal(response.status, 400)
        const { errors = [] } = await problemIn(response)
        assert.ok(
          errors.some((error) => error.path.startsWith(path)),
          JSON.stringify(errors),
        )
        assert.equal(served.inbox.registrations.length, 0)
      })
    }

    it('says in the detail what the first invalid field must be', async () => {
      const detailOf = async (body: object) => (await problemIn(await served.call('POST', '/v1/emails', body))).detail
      const recipients = '`to` must be one address or a list of up to 50 addresses'
      assert.equal(await detailOf({ id: 'a', to: [] }), `validation failed: ${recipients}`)
      assert.equal(
        await detailOf({ ...good, id: 5, to: [] }),
        'validation failed: `id` must be a string (1 more in errors)',
      )
      assert.equal(await detailOf([]), 'validation failed: the body must be a JSON object')
    })

    it('answers 503 with Retry-After when it cannot be stored', async () => {
      served.inbox.register = () => Promise.reject(new DatabaseUnavailableError('away'))
      const response = await served.call('POST', '/v1/emails', good)
      assert.equal(response.status, 503)
      assert.match(response.headers.get('retry-after') ?? '', /^\d+$/)
    })
  })

  describe('reading one', () => {
    it('returns the whole lifecycle, with events in order and escalations', async () => {
      const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second))
      await db.email.create({
        data: {
          id: 'em_1',
          provider: 'aisend',
          to: ['ada@x.com'],
          recipients: ['ada@x.com'],
          status: 'bounced',
          delivery: 'bounced',
          queuedAt: at(1),
          deliveredAt: at(5),
          bounceClass: 'hard',
          bounceCode: '5.1.1',
          bouncedAt: at(6),
          bounceEventId: 'e3',
          opensTotal: 2,
          opensHuman: 1,
          opensFirstAt: at(7),
          opensLastAt: at(8),
        },
      })
      await event('e3', 'bounced', at(6).getTime(), {
        bounceClass: 'hard',
        bounceMessage: 'no such user',
        appliedAt: at(9),
      })
      await event('e1', 'queued', at(1).getTime())
      await event('e2', 'read_aloud', at(6).getTime() - 1, { quarantinedReason: 'not known' })
      await event('reg', 'aftersend.registered', at(0).getTime())
      await event('elsewhere', 'sent', at(2).getTime(), { provider: 'other' })
      const escalation = { provider: 'aisend', emailId: 'em_1', state: 'open', detail: 'No news', notices: 1 }
      await db.escalation.create({ data: { ...escalation, id: 'esc_2', reason: 'critical_bounce', openedAt: at(9) } })
      await db.escalation.create({ data: { ...escalation, id: 'esc_1', reason: 'stalled', openedAt: at(4) } })

      const email = await get('/v1/emails/em_1')
      assert.deepEqual(
        email.events.map(({ id }) => id),
        ['e1', 'e2', 'e3'],
      )
      assert.equal(email.events[1]?.['quarantinedReason' as never], 'not known')
      assert.deepEqual(Object.keys(email.events[0] ?? {}), [
        'id',
        'type',
        'occurredAt',
        'receivedAt',
        'appliedAt',
        'recipient',
      ])
      assert.deepEqual(
        email.escalations.map(({ id }) => id),
        ['esc_1', 'esc_2'],
      )
      assert.equal(email['stalledAt'], at(4).toISOString())
      assert.equal(email['deliveryTimeMs'], 4_000)
      assert.deepEqual(email['bounce'], {
        class: 'hard',
        code: '5.1.1',
        message: 'no such user',
        at: at(6).toISOString(),
      })
      assert.deepEqual(email['opens'], {
        total: 2,
        human: 1,
        firstAt: at(7).toISOString(),
        lastAt: at(8).toISOString(),
      })
      assert.deepEqual((await get('/v1/emails'))['data'], [email])
    })

    it('shows acknowledged events of an email that is not stored yet', async () => {
      await event('e2', 'delivered', 9_000, { to: ['ada@x.com'], subject: 'Hi' })
      await event('e1', 'sent', 4_000)
      await event('e3', 'bounced', 9_500, { bounceClass: 'soft', bounceCode: '4.2.2', bounceMessage: 'full' })
      const email = await get('/v1/emails/em_1')
      assert.equal(email.status, 'delivered')
      assert.equal(email['delivery'], 'delivered')
      assert.equal(email.to, 'ada@x.com')
      assert.equal(email['subject'], 'Hi')
      assert.equal(email['deliveryTimeMs'], 5_000)
      assert.deepEqual(
        email.events.map(({ appliedAt }) => appliedAt),
        [null, null, null],
      )
      assert.equal((email['bounce'] as { message: string }).message, 'full')
      assert.equal((await get('/v1/emails/em_1?provider=aisend')).status, 'delivered')
      assert.equal((await served.call('GET', '/v1/emails/em_1?provider=other')).status, 404)
    })

    it("answers the newest of several providers' emails with one ID, unless one is asked for", async () => {
      const row = { id: 'em_1', to: [], recipients: [] }
      await db.email.create({ data: { ...row, provider: 'aisend', createdAt: new Date(1_000) } })
      await db.email.create({ data: { ...row, provider: 'other', createdAt: new Date(2_000) } })
      assert.equal((await get('/v1/emails/em_1')).provider, 'other')
      assert.equal((await get('/v1/emails/em_1?provider=aisend')).provider, 'aisend')
      assert.equal((await get('/v1/emails/em_1')).to, null)
    })

    it('answers 404 to an unknown email', async () => {
      const response = await served.call('GET', '/v1/emails/em_404')
      assert.equal(response.status, 404)
      await problemIn(response)
    })
  })
})
