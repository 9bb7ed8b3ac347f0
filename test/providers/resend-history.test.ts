import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isEngagement, type ReceivedEvent } from '../../src/domain/events.ts'
import {
  type EventHistory,
  type ListedAddress,
  ProviderRefusedError,
  ProviderUnreachableError,
} from '../../src/providers/provider-api.ts'
import { createResendApi, type ResendApi } from '../../src/providers/resend/api.ts'
import { resend } from '../../src/providers/resend/webhook.ts'
import { completeWebhook, type ResendStandIn, startResendStandIn } from '../../src/stand-ins/resend.ts'
import type { StandInEvent } from '../../src/stand-ins/stand-in.ts'
import { asked, startApiStandIn } from './api-stand-in.ts'
import { arbitraryEmail, bounces, hour, start } from './arbitrary-histories.ts'

const window = { from: start, to: start + hour }
const everything = { from: start - hour, to: start + 24 * hour }

const delivered = (at: number): StandInEvent => ({ type: 'delivered', recipient: 'ada@example.com', at })

/** What must be the same, whichever way an event came. */
const factsById = (events: readonly ReceivedEvent[]) =>
  new Map(
    events.map(
      ({ receivedAt: _, payload, ...facts }) => [facts.id, { ...facts, payload: JSON.parse(payload) }] as const,
    ),
  )

async function pagesOf(history: EventHistory, { from, to } = everything): Promise<ReceivedEvent[][]> {
  const pages: ReceivedEvent[][] = []
  for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
    const { events, next } = await history.read({ from, to }, cursor)
    pages.push([...events])
    cursor = next
  }
  return pages
}

describe('the history of Resend', () => {
  let standIn: ResendStandIn
  let api: ResendApi
  let now: number

  beforeEach(async () => {
    now = start + 2 * hour
    standIn = await startResendStandIn({ clock: () => now })
    api = apiOf(standIn)
    standIn.addEmail({ emailId: 're-1', to: ['ada@example.com'], subject: 'Hello' })
  })
  afterEach(() => standIn.close())

  const apiOf = ({ apiUrl, apiKey }: ResendStandIn) => createResendApi({ apiUrl, apiKey, timeoutMs: 2_000 })
  const read = async (given = everything) => (await pagesOf(api.history, given)).flat()
  const fromWebhooks = (from: ResendStandIn) =>
    from.webhooks().flatMap(({ body, headers }) => resend.parse(Buffer.from(body), now, headers))
  const summary = (events: readonly ReceivedEvent[]) => events.map(({ id, type }) => [id.split(':')[0], type])

  it('has the delivery events of the webhooks, under their identity', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitraryEmail, { maxLength: 4 }), async (emails) => {
        const own = await startResendStandIn({ clock: () => now })
        try {
          emails.forEach(({ to, events }, index) => {
            own.addEmail({ emailId: `re-${index}`, to, subject: `Email ${index}` })
            for (const { bounce, ...event } of events) {
              own.addEvent(`re-${index}`, { ...event, ...(event.type === 'bounced' && { bounce }) })
            }
          })
          const events = (await pagesOf(apiOf(own).history)).flat()
          const expected = fromWebhooks(own).filter((event) => !isEngagement(event))
          assert.deepEqual(factsById(events), factsById(expected))
        } finally {
          own.close()
        }
      }),
      { numRuns: 40 },
    )
  })

  it('has the events of its window, the end excluded, and asks for no others', async () => {
    const times = [start - 1, start, start + hour - 1, start + hour]
    for (const at of times) standIn.addEvent('re-1', delivered(at))
    standIn.addEvent('re-1', { type: 'opened', recipient: null, at: start + 5 })
    const events = await read(window)
    assert.deepEqual(
      events.map(({ occurredAt }) => occurredAt),
      [start + hour - 1, start],
    )
    assert.equal(standIn.requests.length, 4)
  })

  it('loses nothing while events are added, and is one request a page', async () => {
    for (let n = 0; n < 250; n++) standIn.addEvent('re-1', delivered(start + n))
    const known = fromWebhooks(standIn).map(({ id }) => id)
    const read = new Set<string>()
    for (let cursor: string | null = null, pages = 1; pages === 1 || cursor !== null; pages++) {
      const page: Awaited<ReturnType<EventHistory['read']>> = await api.history.read(everything, cursor)
      for (const { id } of page.events) read.add(id)
      assert.equal(standIn.requests.length, pages)
      standIn.addEvent('re-1', delivered(start + hour + pages))
      cursor = page.next
    }
    assert.deepEqual(
      known.filter((id) => !read.has(id)),
      [],
    )
  })

  it('has an event as soon as Resend shows it', async () => {
    standIn.addEvent('re-1', delivered(now))
    standIn.setFaults({ delayMs: 60_000 })
    assert.deepEqual(await read(), [])
    now += 60_000
    assert.deepEqual(factsById(await read()), factsById(fromWebhooks(standIn)))
  })

  it('is read from the list of emails where no enabled webhook has had all events', async () => {
    standIn.addEvent('re-1', delivered(start))
    const { events, ...rest } = completeWebhook
    const soFar = [
      ['reconcile', 'queued'],
      ['reconcile', 'delivered'],
    ]
    const incomplete = [{ ...rest, events: ['email.bounced', 'contact.created'] }]
    for (const webhooks of [[], incomplete]) {
      standIn.setWebhooks(webhooks)
      assert.deepEqual(summary(await read(window)), soFar)
    }
    standIn.setWebhooks([{ ...rest, events, status: 'disabled' }])
    assert.deepEqual(summary(await read(window)).slice(1), soFar)
    standIn.setWebhooks([{ ...rest, events, createdAt: start + 1 }])
    assert.deepEqual(summary(await read(window)), soFar)
    standIn.addEvent('re-1', { type: 'bounced', recipient: null, at: start + 2, bounce: bounces[0] })
    const [bounced] = await read(window)
    assert.deepEqual([bounced?.type, bounced?.bounce?.code], ['bounced', '5.1.1'])
    assert.match(bounced?.id ?? '', /^msg_/)
  })

  it('reads the list of emails back to the start of its window', async () => {
    standIn.setWebhooks([])
    for (let n = 0; n < 230; n++) {
      standIn.addEmail({ emailId: `list-${n}`, to: ['ada@example.com'], subject: 'Hello' })
      standIn.addEvent(`list-${n}`, { type: 'sent', recipient: null, at: start + n })
    }
    const events = await read({ from: start + 100, to: start + 200 })
    assert.equal(new Set(events.map(({ emailId }) => emailId)).size, 100)
    assert.equal(standIn.requests.length, 3)
  })

  it('reads the list of emails where the account has no logs of webhooks', async () => {
    const answers = await startApiStandIn()
    const email = { id: 're-9', to: ['ada@example.com'], created_at: '2026-11-24 09:00:00.5+00', last_event: 'sent' }
    const webhook = {
      id: 'w-1',
      events: completeWebhook.events,
      status: 'enabled',
      created_at: '2024-01-01 00:00:00+00',
    }
    answers.answer = ({ url }, response) => {
      const data = url.startsWith('/webhooks?') ? [webhook] : url.startsWith('/emails?') ? [email] : null
      response.writeHead(data ? 200 : 404).end(JSON.stringify({ object: 'list', has_more: false, data }))
    }
    const pages = await pagesOf(createResendApi({ apiUrl: answers.apiUrl, apiKey: 'any' }).history, window)
    assert.deepEqual(summary(pages.flat()), [
      ['reconcile', 'queued'],
      ['reconcile', 'sent'],
    ])
    answers.close()
  })

  it('leaves out a payload that the webhook would have refused', async () => {
    const answers = await startApiStandIn()
    answers.answerWith(200, { id: 'msg_1', payload: { type: 'email.sent' } })
    const cursor = JSON.stringify({ logs: [], after: null, events: ['/w-1/events/msg_1'], emails: false })
    const { history } = createResendApi({ apiUrl: answers.apiUrl, apiKey: 'any' })
    assert.deepEqual(await history.read(window, cursor), { events: [], next: null })
    answers.close()
  })

  it('is complete although some requests fail', async () => {
    for (let n = 0; n < 4; n++) standIn.addEvent('re-1', delivered(start + n))
    standIn.setFaults({ failEvery: 4 })
    assert.equal((await read()).length, 4)
  })

  it('reports a rate limit with the time to wait', async () => {
    const impatient = createResendApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 900 })
    standIn.setFaults({ rateLimit: 1 })
    const { next } = await impatient.history.read(window, null)
    await assert.rejects(impatient.history.read(window, next), (error) => {
      assert.ok(error instanceof ProviderUnreachableError)
      return error.isRateLimited && error.retryAfterMs === 1_000
    })
  })

  it('and the suppression list report a wrong key and an answer of another form', async () => {
    const wrong = createResendApi({ apiUrl: standIn.apiUrl, apiKey: 're_wrong' })
    await assert.rejects(wrong.history.read(window, null), ProviderRefusedError)
    await assert.rejects(wrong.suppressionLists.read(null), ProviderRefusedError)
    const answers = await startApiStandIn()
    answers.answerWith(200, { data: 'none' })
    const other = createResendApi({ apiUrl: answers.apiUrl, apiKey: 'any' })
    await assert.rejects(other.history.read(window, null), ProviderUnreachableError)
    await assert.rejects(other.suppressionLists.read(null), ProviderUnreachableError)
    answers.close()
  })

  it('and the suppression list are read to the end, with our reasons', async () => {
    const reasons = ['hard_bounce', 'complaint', 'manual'] as const
    for (let n = 0; n < 120; n++) standIn.suppress(`Ada+${n}@Example.com`, reasons[n % 3] ?? 'manual')
    const entries: ListedAddress[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<ResendApi['suppressionLists']['read']>> = await api.suppressionLists.read(cursor)
      entries.push(...page.entries)
      cursor = page.next
    } while (cursor !== null)
    assert.equal(standIn.requests.length, 2)
    assert.equal(new Set(entries.map(({ address }) => address)).size, 120)
    assert.deepEqual(entries.at(-1), { address: 'ada+0@example.com', reason: 'hard_bounce', since: now })
    assert.deepEqual(entries.at(-2)?.reason, 'complaint')
  })

  it('and the answer about one email agree on what happened last, under the same ID each time', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryEmail, fc.uuid(), async ({ to, events }, emailId) => {
        standIn.addEmail({ emailId, to, subject: 'Hello' })
        for (const { bounce, ...event } of events) {
          standIn.addEvent(emailId, { ...event, ...(event.type === 'bounced' && { bounce }) })
        }
        const [answered, again] = [await api.fetchEvents(asked(emailId)), await api.fetchEvents(asked(emailId))]
        assert.deepEqual(
          answered.map(({ id }) => id),
          again.map(({ id }) => id),
        )
        const last = events.toSorted((a, b) => a.at - b.at).at(-1)?.type ?? 'queued'
        const proof = isEngagement({ type: last }) ? 'delivered' : last
        const expected = proof === 'delivered' && to.length > 1 ? 'sent' : proof
        assert.deepEqual([answered[0]?.type, answered.at(-1)?.type], ['queued', expected])
        assert.equal(answered.at(-1)?.recipient, to.length === 1 ? to[0] : null)
      }),
      { numRuns: 40 },
    )
  })
})
