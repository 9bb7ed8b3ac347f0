import assert from 'node:assert/strict'
import type { ReceivedEvent } from '../../src/domain/events.ts'
import type { EventHistory, SuppressionLists } from '../../src/providers/provider-api.ts'
import { createSendgridApi } from '../../src/providers/sendgrid/api.ts'
import { generateSendgridKeys } from '../../src/providers/sendgrid/sample.ts'
import { type SendgridStandIn, startSendgridStandIn } from '../../src/stand-ins/sendgrid.ts'
import { comparable, eventsInWebhooks } from './sendgrid-events.ts'

const [hourMs, dayMs] = [3_600_000, 86_400_000]
const start = Date.UTC(2026, 10, 25, 12)
const [ada, bob] = ['ada@example.com', 'bob@example.com']
const keys = generateSendgridKeys()
let now = start
let standIn: SendgridStandIn

const apiOf = () => createSendgridApi({ apiUrl: standIn.apiUrl, apiKey: standIn.apiKey, timeoutMs: 2_000 })

const hard = { class: 'hard', code: '5.1.1', message: '550 5.1.1 no such user', isOver: true } as const

function addEmail(emailId: string, to = [ada]): void {
  standIn.addEmail({ emailId, to, subject: 'Your order' })
  standIn.addEvent(emailId, { type: 'sending', recipient: null, at: now })
}

describe('the history of SendGrid', () => {
  beforeEach(async () => {
    now = start
    standIn = await startSendgridStandIn({ clock: () => now, webhookSecret: keys.signing })
  })
  afterEach(() => standIn.close())

  async function readAll(window: { from: number; to: number }): Promise<ReceivedEvent[]> {
    const events: ReceivedEvent[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<EventHistory['read']>> = await apiOf().history.read(window, cursor)
      events.push(...page.events)
      cursor = page.next
    } while (cursor !== null)
    return events
  }

  it('has every event of the window once, with the webhook’s ID', async () => {
    for (let n = 0; n < 130; n += 1) {
      now = start + Math.floor(n / 7) * 40_000
      addEmail(`email${n}`, n % 3 === 0 ? [ada, bob] : [ada])
      standIn.addEvent(`email${n}`, { type: 'delivered', recipient: ada, at: now + 2_000 })
    }
    now += hourMs
    const window = { from: start, to: start + 10 * 60_000 }
    const expected = eventsInWebhooks(standIn.webhooks(), keys).filter(
      ({ occurredAt }) => occurredAt >= window.from && occurredAt < window.to,
    )
    assert.ok(expected.length > 150)
    assert.deepEqual(comparable(await readAll(window)), comparable(expected))
  })

  it('lists more messages than one answer has', async () => {
    for (let n = 0; n < 620; n += 1) {
      now = start + n * 50
      addEmail(`email${n}`)
    }
    const events = await readAll({ from: start, to: start + hourMs })
    assert.equal(new Set(events.map(({ emailId }) => emailId)).size, 620)
    assert.equal(events.length, 620)
  })

  it('has bounces of emails from the 72 hours before', async () => {
    for (const emailId of ['em1', 'em2']) addEmail(emailId)
    now += 2 * dayMs
    standIn.addEvent('em1', { type: 'bounced', recipient: ada, at: now, bounce: hard })
    const events = await readAll({ from: now - hourMs, to: now + 1 })
    assert.deepEqual(
      events.map(({ emailId, type }) => [emailId, type]),
      [['em1', 'bounced']],
    )
  })

  it('ends at once where nothing happened', async () => {
    assert.deepEqual(await readAll({ from: start, to: start + dayMs }), [])
    assert.equal(standIn.requests.length, 2)
  })
})

describe('the suppression lists of SendGrid', () => {
  beforeEach(async () => {
    standIn = await startSendgridStandIn({ clock: () => now })
  })
  afterEach(() => standIn.close())

  it('are read page by page, without blocks and without what is no address', async () => {
    for (let n = 0; n < 1_001; n += 1) standIn.suppress(`b${n}@example.com`, 'hard_bounce')
    standIn.suppress('Ada@Example.com', 'complaint')
    standIn.suppress(bob, 'manual')
    standIn.list('blocks', 'blocked@example.com')
    standIn.list('invalid_emails', 'no address')
    standIn.list('invalid_emails', 'no@host.example')
    const entries = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<SuppressionLists['read']>> = await apiOf().suppressionLists.read(cursor)
      entries.push(...page.entries)
      cursor = page.next
    } while (cursor !== null)
    assert.equal(new Set(entries.map(({ address }) => address)).size, 1_004)
    const since = Math.floor(now / 1_000) * 1_000
    assert.deepEqual(entries.slice(-3), [
      { address: 'no@host.example', reason: 'hard_bounce', since },
      { address: ada, reason: 'complaint', since },
      { address: bob, reason: 'manual', since },
    ])
    assert.deepEqual(entries[0], { address: 'b0@example.com', reason: 'hard_bounce', since })
  })
})
