import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { createMailersendApi, type MailersendApi } from '../../src/providers/mailersend/api.ts'
import { ProviderRefusedError, ProviderUnreachableError } from '../../src/providers/provider-api.ts'
import { type MailersendStandIn, startMailersendStandIn } from '../../src/stand-ins/mailersend.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from './adapter.ts'
import { asked } from './api-stand-in.ts'
import { arbitraryEmail, bounces, hour, start } from './arbitrary-histories.ts'
import { listOf, sameIn } from './read-through.ts'

const emailId = '62ff8b68c52beb65e5097255'
const recipient = 'ada@example.com'
const [gone] = bounces

describe('the MailerSend API', () => {
  let standIn: MailersendStandIn
  let api: MailersendApi

  beforeEach(async () => {
    standIn = await startMailersendStandIn({ clock: () => start + hour })
    api = createMailersendApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 1_000 })
  })
  afterEach(() => standIn.close())

  const add = (events: readonly StandInEvent[], id = emailId, to = [recipient]) => {
    standIn.addEmail({ emailId: id, to, subject: 'Your order' })
    for (const event of events) standIn.addEvent(id, event)
  }
  const webhookEvents = (): ReceivedEvent[] =>
    standIn.webhooks().flatMap(({ body }) => adapterOf('mailersend').parse(Buffer.from(body), start, {}))
  /** Activities have no reason of a bounce. */
  const withoutReply = (events: readonly ReceivedEvent[]) =>
    sameIn(events).map(({ bounce, ...same }) => ({ ...same, bounce: bounce && [bounce.class, bounce.isOver] }))
  const isProven = ({ id }: ReceivedEvent) => id.startsWith('reconcile:')

  it('reports events of webhooks, among them how each recipient’s email ended, whatever has happened', async () => {
    let n = 0
    await fc.assert(
      fc.asyncProperty(arbitraryEmail, async ({ to, events }) => {
        n += 1
        const id = `62ff8b68c52beb65e50${String(n).padStart(5, '0')}`
        add(
          events.map(({ bounce, type, ...rest }) => ({ ...rest, type, ...(type === 'bounced' && { bounce }) })),
          id,
          to,
        )
        const posted = webhookEvents().filter((event) => event.emailId === id)
        const answered = await api.fetchEvents(asked(id))
        const ids = new Set(answered.map((event) => event.id))
        assert.deepEqual(withoutReply(answered), withoutReply(posted.filter((event) => ids.has(event.id))))
        const ends = posted.filter(({ type, bounce }) => type === 'delivered' || bounce?.isOver)
        const lastOf = (email: string | null) =>
          ends
            .filter((event) => event.recipient === email)
            .toSorted((one, other) => other.occurredAt - one.occurredAt)[0]
        for (const email of to) assert.ok(!lastOf(email) || ids.has(String(lastOf(email)?.id)))
      }),
      { numRuns: 15 },
    )
  })

  it('asks about the message, and for the activities around its last change', async () => {
    add([{ type: 'delivered', recipient, at: start + 2_300 }])
    const [event] = await api.fetchEvents(asked(emailId))
    assert.deepEqual([event?.type, event?.emailId, event?.recipient], ['delivered', emailId, recipient])
    const [message, activity] = standIn.requests
    assert.equal(message?.path, `/v1/messages/${emailId}`)
    assert.equal(message?.headers.authorization, `Bearer ${standIn.apiKey}`)
    const dates = ['date_from', 'date_to'].map((name) => Number(activity?.query.get(name)) * 1_000 - start)
    assert.deepEqual(dates, [-3_000, 33_000])
    assert.deepEqual(await api.fetchEvents(asked('62ff8b68c52beb65e5000000')), [])
  })

  it('learns from the status what the activities do not show, since they are not kept or too many', async () => {
    add([{ type: 'delivered', recipient, at: start }])
    add([{ type: 'bounced', bounce: gone, recipient, at: start }], '62ff8b68c52beb65e5097256')
    standIn.setRetention(0)
    const [delivered, ...others] = await api.fetchEvents(asked(emailId))
    assert.deepEqual(
      [delivered?.type, delivered?.recipient, delivered?.occurredAt, others],
      ['delivered', recipient, start, []],
    )
    assert.doesNotMatch(delivered?.payload ?? recipient, /ada@/)
    const [rejected] = await api.fetchEvents(asked('62ff8b68c52beb65e5097256'))
    assert.deepEqual([rejected?.type, rejected?.bounce?.class, rejected?.bounce?.isOver], ['bounced', 'soft', true])
    assert.ok([delivered, rejected].every((event) => event && isProven(event)))
    standIn.setRetention(hour * 24)
    for (let n = 0; n < 301; n += 1) add([{ type: 'delivered', recipient, at: start + 1 }], `busy${n}`)
    assert.deepEqual((await api.fetchEvents(asked(emailId))).map(isProven), [true])
    assert.equal(standIn.requestCount(), 2 * 2 + 4)
  })

  it('reads its lists, but for whom MailerSend sends to again', async () => {
    for (let n = 0; n < 130; n += 1) standIn.suppress(`b${n}@example.com`, 'hard_bounce')
    standIn.suppress('complained@example.com', 'complaint')
    standIn.suppress('Blocked@example.com', 'manual')
    standIn.suppress('.*@example.org', 'manual')
    standIn.suppress('held@example.com', 'repeated_soft_bounces')
    const listed = await listOf(api.suppressionLists)
    assert.deepEqual(
      listed.slice(130).map(({ address, reason, since }) => [address, reason, since]),
      [
        ['complained@example.com', 'complaint', start + hour],
        ['blocked@example.com', 'manual', start + hour],
      ],
    )
    assert.equal(listed.filter(({ reason }) => reason === 'hard_bounce').length, 130)
  })

  it('reports a refused token and a rate limit with the time to wait', async () => {
    const refused = createMailersendApi({ apiUrl: standIn.apiUrl, apiKey: 'wrong' })
    await assert.rejects(refused.fetchEvents(asked(emailId)), ProviderRefusedError)
    standIn.setFaults({ rateLimit: 0, ratePeriodMs: 60_000 })
    await assert.rejects(
      api.fetchEvents(asked(emailId)),
      (error) => error instanceof ProviderUnreachableError && error.isRateLimited && (error.retryAfterMs ?? 0) > 1_000,
    )
  })
})
