import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { readConfig } from '../../src/config.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { mappedEntry } from '../../src/providers/mapped/mapped-entry.ts'
import type { Mapping } from '../../src/providers/mapped/mapping.ts'
import { readMappings } from '../../src/providers/mapped/mappings-file.ts'
import { InvalidEventError } from '../../src/providers/provider.ts'
import { createWebhookSources, providers } from '../../src/providers/registry.ts'
import { planEmails, planFor } from '../../src/simulator/plan.ts'
import { fillStandIn } from '../../src/simulator/played-stand-in.ts'
import { startStandInFor } from '../../src/stand-ins/registry.ts'
import { outcomeOf, receivedAt, tokensInMemory } from './adapter.ts'

const file = fileURLToPath(new URL('fixtures/mappings.json', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'aftersend-mappings-'))
const dependencies = { clock: Date.now, fetch, tokens: tokensInMemory() }

const mappings = readMappings(file, providers).mappings
const [acme, house] = mappings as [Mapping, Mapping]

function errorsIn(content: unknown): readonly string[] {
  const path = join(folder, 'mappings.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return readMappings(path, providers).errors.map((error) => error.replace(`${path}: `, ''))
}

const withSender = (change: object) => ({ senders: [{ ...acme, ...change }] })

const parsedBy = (mapping: Mapping, body: unknown, headers = {}) =>
  mappedEntry(mapping)
    .create(dependencies)
    .parse(Buffer.from(JSON.stringify(body)), receivedAt, headers)

const failure = {
  ...{ kind: 'failure', uid: 'e1', at: 1_795_000_000, rcpt: 'Ada@Example.com' },
  message: { id: 'm-1', subject: 'Hi', labels: ['a'], custom: { order: '4711', plan: 'free' } },
  smtp: { severity: 'permanent', reply: '550 5.1.1 User unknown', category: 'gone' },
}

const mistakenProofs: readonly (readonly [object, RegExp])[] = [
  [{ header: 'X Sig' }, /senders\.0\.proof\.hmac\.header must be the name of a header/],
  [{ timestampHeader: 'X-Time' }, /senders\.0\.proof\.hmac\.content must say what is signed/],
  [{ content: '{timestamp}.{body}' }, /senders\.0\.proof\.hmac\.content requires timestampField or timestampHeader/],
  [{ toleranceSeconds: 60 }, /senders\.0\.proof\.hmac\.toleranceSeconds requires/],
  [{ timestampField: 't', content: '{timestamp}.{body}' }, /senders\.0\.proof\.hmac\.field must name the signature/],
  [
    { field: 'v1', timestampField: 't', timestampHeader: 'X-Time', content: '{timestamp}.{body}' },
    /senders\.0\.proof\.hmac\.timestampHeader must not be given beside/,
  ],
  ...['{body}', '{timestamp}', '{timestamp}.{body}.{body}', '{id}.{timestamp}.{body}'].map(
    (content) => [{ timestampHeader: 'X-Time', content }, /senders\.0\.proof\.hmac\.content must contain/] as const,
  ),
]

describe('the file of mappings', () => {
  it('is read', () => {
    assert.deepEqual(readMappings(file, providers).errors, [])
    assert.deepEqual(
      mappings.map(({ name }) => name),
      ['acme', 'house-mailer'],
    )
  })

  it('names the field of each mistake', () => {
    const mistakes: readonly (readonly [unknown, RegExp])[] = [
      ['{', /is not JSON/],
      [{}, /^senders /],
      [{ senders: [] }, /senders must have at least one sender/],
      [withSender({ name: 'Acme' }), /senders\.0\.name must be lower-case/],
      [withSender({ name: 'support' }), /senders\.0\.name must be none of/],
      [withSender({ name: 'resend' }), /senders\.0\.name resend is taken/],
      [{ senders: [acme, acme] }, /senders\.1\.name acme is taken/],
      [withSender({ proof: 'none' }), /senders\.0\.proof must be credential, standard-webhooks/],
      ...mistakenProofs.map(
        ([hmac, sentence]) => [withSender({ proof: { hmac: { header: 'X-Sig', ...hmac } } }), sentence] as const,
      ),
      [withSender({ event: 'a..b' }), /senders\.0\.event must be a JMESPath expression/],
      [withSender({ event: 'unheard(a)' }), /senders\.0\.event must be a JMESPath expression: Unknown function/],
      [withSender({ types: { x: 'sended' } }), /senders\.0\.types\.x must be null or one of queued/],
      [withSender({ fields: {} }), /senders\.0\.fields\.emailId must be a JMESPath expression/],
      [withSender({ fields: { ...acme.fields, emailid: 'a' } }), /emailid/],
    ]
    for (const [content, expected] of mistakes) assert.match(errorsIn(content).join('\n'), expected)
    assert.match(readMappings(join(folder, 'nowhere.json'), providers).errors.join(), /cannot be read/)
  })

  it('allows a function that needs a value which only events have', () => {
    assert.deepEqual(errorsIn(withSender({ event: 'join(`-`, parts)' })), [])
  })
})

describe('the configuration', () => {
  const secret = { ACME_WEBHOOK_SECRET: 'secret-of-acme-0001', ACME_WEBHOOK_SECRET_EU: 'secret-of-acme-0002' }

  it('has the secrets of mapped senders and their accounts, and sources for them', () => {
    const { webhookSecrets, mappedProviders } = readConfig({ MAPPINGS_FILE: file, ...secret })
    assert.deepEqual([...webhookSecrets.keys()], ['acme', 'acme/eu'])
    const sources = createWebhookSources(webhookSecrets, dependencies, undefined, mappedProviders)
    assert.deepEqual([...sources.keys()], ['acme', 'acme/eu'])
    assert.equal(sources.get('acme')?.entry?.title, 'Acme Mail')
  })

  it('refuses a file with a mistake, a secret that is too short, and knows none of them without the file', () => {
    writeFileSync(join(folder, 'wrong.json'), '{"senders":[]}')
    assert.throws(
      () => readConfig({ MAPPINGS_FILE: join(folder, 'wrong.json') }),
      /MAPPINGS_FILE: .*at least one sender/,
    )
    assert.throws(
      () => readConfig({ MAPPINGS_FILE: file, ACME_WEBHOOK_SECRET: 'short' }),
      /ACME_WEBHOOK_SECRET must have 16 characters/,
    )
    assert.equal(readConfig(secret).webhookSecrets.size, 0)
  })

  it('does not read the file in a worker, which receives no webhooks', () => {
    const servers = { DATABASE_URL: 'postgresql://u:p@db:5432/aftersend', TEMPORAL_ADDRESS: 'temporal:7233' }
    const given = { ROLE: 'worker', MAPPINGS_FILE: '/nowhere.json', ...servers }
    assert.deepEqual(readConfig(given).mappedProviders, [])
  })
})

describe('a mapped sender', () => {
  it('has its facts where the mapping says', () => {
    const [event] = parsedBy(acme, { events: [failure] })
    assert.ok(event)
    assert.deepEqual(outcomeOf(event), { type: 'bounced', recipient: 'ada@example.com', bounce: 'hard 5.1.1 bounced' })
    const { id, emailId, occurredAt, subject, tags, externalId, metadata, bounce } = event
    assert.deepEqual([id, emailId, occurredAt, subject], ['e1', 'm-1', 1_795_000_000_000, 'Hi'])
    assert.deepEqual([tags, externalId, metadata], [['a'], '4711', { order: '4711', plan: 'free' }])
    assert.deepEqual([bounce?.word, bounce?.subWord, bounce?.isOver], ['failure', 'gone', true])
  })

  it('has delays, words of its own, and events about no email', () => {
    const events = parsedBy(acme, {
      events: [
        { ...failure, uid: 'e2', kind: 'retry', smtp: { reply: '451 4.4.1 Connection timed out' } },
        { ...failure, uid: 'e3', kind: 'archived' },
        { kind: 'test' },
        // A name that every object inherits.
        { ...failure, uid: 'e4', kind: 'constructor' },
      ],
    })
    assert.deepEqual(
      events.map(({ type, bounce }) => [type, bounce && judgeBounce(bounce).outcome]),
      [
        ['bounced', 'deferred'],
        ['archived', null],
        ['constructor', null],
      ],
    )
  })

  it('quarantines an entry that cannot be read, and stores the others', () => {
    const { message: _, ...withoutEmail } = { ...failure, kind: 'open' }
    const events = parsedBy(acme, { events: [failure, withoutEmail, 5] })
    assert.deepEqual(
      events.map(({ quarantinedReason }) => quarantinedReason),
      [undefined, 'the event has no email ID at message.id', 'the event is not a JSON object'],
    )
    for (const body of [{}, { events: {} }, [], 'x']) assert.throws(() => parsedBy(acme, body), InvalidEventError)
  })

  it('refuses an event that a function of a path cannot be applied to, with the path', () => {
    const counted = { ...acme, entries: 'one', fields: { ...acme.fields, subject: 'length(title)' } } as Mapping
    assert.throws(() => parsedBy(counted, failure), /path of subject cannot be applied to this event: length\(title\)/)
  })

  it('without a path for the ID has that of the request if it is signed, else a hash that is the same in a repeat', () => {
    const body = { type: 'mail.delivered', data: { id: 'm-2', to: ['ada@example.com'] } }
    assert.equal(parsedBy(house, body, { 'webhook-id': 'msg_1' })[0]?.id, 'msg_1')
    const { id: _, ...fields } = acme.fields
    const ids = [failure, failure, { ...failure, uid: 'e9' }].map(
      (each) => parsedBy({ ...acme, fields }, { events: [each] })[0]?.id,
    )
    assert.ok(ids[0] === ids[1] && ids[0] !== ids[2])
  })

  it('is over where its expression says so', () => {
    const over = (attempt: number) => {
      const body = { type: 'mail.failed', data: { id: 'm', to: 'ada@example.com', attempt } }
      return parsedBy(house, body)[0]?.bounce?.isOver
    }
    assert.deepEqual([over(1), over(5)], [false, true])
  })

  it('is proved by its HMAC, behind its prefix, with any of several secrets', () => {
    const provider = mappedEntry(acme).create(dependencies)
    const rawBody = Buffer.from('{"events":[]}')
    const mac = (secret: string) => createHmac('sha256', secret).update(rawBody).digest('hex')
    const verify = (signature: string, secrets = ['one', 'two']) =>
      provider.verify(rawBody, { 'x-acme-signature': signature }, secrets)
    assert.equal(verify(`sha256=${mac('two')}`), true)
    assert.equal(verify(mac('two')), false, 'without the prefix')
    assert.equal(verify(`sha256=${mac('three')}`), false)
    assert.equal(verify(`sha256=${mac('two')}`, []), false)
    assert.equal(provider.verify(rawBody, {}, ['two']), false)
  })

  it('parses or refuses with InvalidEventError any JSON', () => {
    for (const mapping of mappings) {
      const names = ['kind', 'type', 'uid', 'message', 'data', 'id', 'smtp', 'rcpt', 'to', '__proto__', 'events']
      const { json } = fc.letrec<{ json: unknown }>((tie) => ({
        json: fc.oneof(
          { maxDepth: 4 },
          fc.jsonValue({ maxDepth: 1 }),
          fc.constantFrom('failure', 'mail.failed', 'm-1'),
          fc.dictionary(fc.constantFrom(...names), tie('json')),
          fc.array(tie('json'), { maxLength: 3 }),
        ),
      }))
      const property = fc.property(json, (value) => {
        try {
          for (const event of parsedBy(mapping, { events: [value], ...Object(value) })) assert.ok(event.id.length > 0)
        } catch (error) {
          assert.ok(error instanceof InvalidEventError, String(error))
        }
      })
      fc.assert(property, { numRuns: 300 })
    }
  })

  it('has a stand-in, which writes its JSON by the mapping read backwards', async () => {
    const entry = mappedEntry(acme)
    const { accepted, signing } = entry.generateSecret()
    const standIn = await startStandInFor(entry, { webhookSecret: signing })
    const { timeResolutionMs, emailIdOf } = entry.sampleFormat
    const form = { emails: 40, rate: 100, seed: 5, speed: 600, run: 'mapped', timeResolutionMs, emailIdOf }
    const plan = planFor(entry, planEmails(form))
    const webhookOf = fillStandIn(standIn, plan, Date.UTC(2026, 10, 1))
    const provider = entry.create(dependencies)
    for (const event of plan.flatMap(({ events }) => events)) {
      const { headers, body } = webhookOf(event)
      assert.equal(await provider.verify(Buffer.from(body), headers, [accepted]), true)
      const [read] = provider.parse(Buffer.from(body), receivedAt, headers)
      assert.deepEqual([read?.type, read?.recipient], [event.type, event.recipient?.toLowerCase()])
      assert.deepEqual([read?.bounce?.isOver, read?.bounce?.code], [event.bounce?.isOver, event.bounce?.code])
    }
  })

  it('whose own IDs no plain path reads is played as one without custom fields', () => {
    const { sampleFormat } = mappedEntry({ ...acme, fields: { ...acme.fields, externalId: 'custom[0].value' } })
    const email = { id: 'm', to: ['a@example.com'], subject: '', tags: [], externalId: 'order-1', metadata: { a: 'b' } }
    const event = { id: 'e', type: 'delivered', recipient: 'a@example.com', bounce: null, engagement: null } as const
    const body = sampleFormat.bodyOf([{ ...event, at: new Date(0) }], email)
    assert.deepEqual([sampleFormat.hasCustomFields, /order-1|"b"/.test(body)], [false, false])
    const [carried] = parsedBy(
      acme,
      JSON.parse(mappedEntry(acme).sampleFormat.bodyOf([{ ...event, at: new Date(0) }], email)),
    )
    assert.deepEqual([carried?.externalId, carried?.metadata], ['order-1', { a: 'b' }])
  })
})
