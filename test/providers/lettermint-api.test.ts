import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createLettermintApi, type LettermintApi } from '../../src/providers/lettermint/api.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { type LettermintStandIn, startLettermintStandIn } from '../../src/stand-ins/lettermint.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from './adapter.ts'
import { asked } from './api-stand-in.ts'
import { bounces, hour, start } from './arbitrary-histories.ts'
import { listOf, recordOf, sameIn } from './read-through.ts'

const uuid = (n: number) => `4ef9a417-02e9-4d39-ad75-${String(n).padStart(12, '0')}`
const recipient = 'ada@example.com'
const window = { from: start, to: start + hour }
const [gone, , tried] = bounces

describe('the Lettermint API', () => {
  let standIn: LettermintStandIn
  let api: LettermintApi

  beforeEach(async () => {
    standIn = await startLettermintStandIn({ clock: () => start + hour })
    api = createLettermintApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 1_000 })
  })
  afterEach(() => standIn.close())

  const add = (n: number, events: readonly StandInEvent[], to = [recipient]) => {
    standIn.addEmail({ emailId: uuid(n), to, subject: 'Your order' })
    for (const event of events) standIn.addEvent(uuid(n), event)
  }
  const factsOf = (events: readonly ReceivedEvent[]) =>
    [
      ...new Set(
        events.map(({ type, emailId, recipient: to, bounce }) =>
          [type, emailId, to, bounce?.class, bounce?.isOver].join(' '),
        ),
      ),
    ].sort()

  it('reports what webhooks do, but for opens and clicks, asked about one email and about all', async () => {
    const event = fc.record({
      type: fc.constantFrom(
        'queued' as const,
        'sent' as const,
        'delivered' as const,
        'bounced' as const,
        'opened' as const,
      ),
      at: fc.integer({ min: start, max: start + hour - 1 }),
      bounce: fc.constantFrom(...bounces),
    })
    let n = 0
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 6 }), async (events) => {
        n += 1
        add(
          n,
          events.map(({ type, at, bounce }) => ({
            ...{ type, at, recipient: type === 'queued' ? null : recipient },
            ...(type === 'bounced' && { bounce }),
          })),
        )
        const posted = standIn
          .webhooks()
          .flatMap(({ body }) => adapterOf('lettermint').parse(Buffer.from(body), start, {}))
          .filter(({ type }) => type !== 'opened')
        const answered = await api.fetchEvents(asked(uuid(n)))
        assert.deepEqual(factsOf(answered), factsOf(posted.filter(({ emailId }) => emailId === uuid(n))))
        assert.deepEqual(sameIn(answered), sameIn(await api.fetchEvents(asked(uuid(n)))))
        assert.equal(new Set(answered.map(({ id }) => id)).size, answered.length)
        assert.deepEqual(factsOf(await recordOf(api.history, window)), factsOf(posted))
      }),
      { numRuns: 10 },
    )
  })

  it('does not take the delivery to one of several recipients for that to all', async () => {
    const to = [recipient, 'bob@example.com']
    add(
      1,
      [
        { type: 'delivered', recipient, at: start },
        { type: 'bounced', recipient, at: start + 1, bounce: gone },
      ],
      to,
    )
    const answered = await api.fetchEvents(asked(uuid(1)))
    assert.deepEqual(
      answered.map(({ type, recipient: about }) => [type, about]),
      [
        ['sent', null],
        ['bounced', null],
      ],
    )
    assert.deepEqual(await api.fetchEvents(asked(uuid(7))), [])
  })

  it('reads all pages, each delay as an event of its own, and keeps addresses out of what is stored', async () => {
    add(
      1,
      Array.from({ length: 40 }, (_, index) => ({ type: 'bounced', recipient, at: start + index, bounce: tried })),
    )
    const answered = await api.fetchEvents(asked(uuid(1)))
    assert.equal(answered.length, 40)
    assert.doesNotMatch(answered[0]?.payload ?? recipient, /ada@/)
    for (let n = 2; n < 50; n += 1) add(n, [{ type: 'delivered', recipient, at: start + n }])
    const delivered = (await recordOf(api.history, window)).filter(({ type }) => type === 'delivered')
    assert.equal(new Set(delivered.map(({ emailId }) => emailId)).size, 48)
    const later = { from: start + 5 * hour, to: start + 6 * hour }
    const count = standIn.requestCount()
    assert.deepEqual(await recordOf(api.history, later), [])
    assert.equal(standIn.requestCount(), count + 1, 'it asks about no message of another time')
  })

  it('reads the suppressions of all emails, and changes them', async () => {
    const { suppressionLists: lists } = api
    for (let n = 0; n < 35; n += 1) standIn.suppress(`b${n}@example.com`, 'hard_bounce')
    standIn.list({ value: 'Complained@example.com', reason: 'spam_complaint', scope: 'route' })
    standIn.list({ value: 'left@example.com', reason: 'unsubscribe', scope: 'route' })
    standIn.list({ value: 'example.org', reason: 'manual', scope: 'team', type: 'domain' })
    const others = async () =>
      (await listOf(lists))
        .filter(({ reason }) => reason !== 'hard_bounce')
        .map(({ address, reason }) => `${address} ${reason}`)
    assert.deepEqual(await others(), ['complained@example.com complaint'])
    const added = [{ address: 'new@example.com', reason: 'manual' as const }]
    assert.equal(await lists.writing?.add([...added, { address: 'b1@example.com', reason: 'hard_bounce' }]), 2)
    assert.deepEqual(await others(), ['complained@example.com complaint', 'new@example.com manual'])
    assert.equal(await lists.writing?.remove(['ew@example.com']), 1)
    assert.equal(await lists.writing?.remove(['new@example.com']), 2)
    assert.deepEqual(await others(), ['complained@example.com complaint'])
    assert.equal((await listOf(lists)).length, 36)
  })

  it('reports a refused token, and the end of a rate limit', async () => {
    const refused = createLettermintApi({ apiUrl: standIn.apiUrl, apiKey: 'lm_project' })
    await assert.rejects(refused.fetchEvents(asked(uuid(1))), ProviderRefusedError)
    standIn.setFaults({ rateLimit: 0, ratePeriodMs: 60_000 })
    await assert.rejects(
      api.fetchEvents(asked(uuid(1))),
      (error) => error instanceof ProviderUnreachableError && error.isRateLimited,
    )
  })
})
