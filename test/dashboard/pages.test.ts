import assert from 'node:assert/strict'
import { addWebhookCounts } from '../../src/db/webhook-minutes.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import { createWebhookSources, providers } from '../../src/providers/registry.ts'
import { store } from '../db/stored.ts'
import { tokensInMemory } from '../providers/adapter.ts'
import { type TestDatabase, testDatabase } from '../stack.ts'
import { serveDashboard, type Visited, Visitor } from './visitor.ts'

const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 1,
  engagementWindowMs: 1,
  giveUpAfterMs: 1,
}

describe('the pages of the dashboard', () => {
  let database: TestDatabase
  let visited: Visited
  let visitor: Visitor

  before(async () => {
    database = await testDatabase()
    visited = await serveDashboard({ db: database.db })
    visitor = new Visitor(visited.served)
    await visitor.signIn()
  })
  beforeEach(async () => {
    await database.db.$executeRaw`TRUNCATE emails, events, suppressions, escalations, webhook_minutes CASCADE`
  })
  after(async () => {
    await visited.stop()
    await database.drop()
  })

  const email = (id: string, parts: object = {}) =>
    database.db.email.create({
      data: { id, provider: 'aisend', to: ['Ada@example.com'], recipients: ['ada@example.com'], ...parts },
    })
  const escalation = (state: string) =>
    database.db.escalation.create({
      data: {
        id: 'esc_1',
        provider: 'aisend',
        emailId: 'em_1',
        reason: 'stalled',
        state,
        detail: 'Nothing was heard of its delivery.',
        openedAt: new Date(),
        acknowledgedBy: state === 'acknowledged' ? 'ada' : null,
        acknowledgedAt: state === 'acknowledged' ? new Date() : null,
      },
    })

  it('say what to do next where there is nothing to show', async () => {
    const words: Record<string, RegExp> = {
      '/': /Set up webhooks/,
      '/emails': /POST \/v1\/emails/,
      '/escalations': /See how support is told/,
      '/suppressions': /a CSV file/,
      '/events': /replay it/,
      '/events?state=pending': /unless Temporal or workers are away/,
      '/setup': /SUPPORT_WEBHOOK_URL/,
    }
    for (const [path, expected] of Object.entries(words)) {
      const page = await visitor.get(path)
      assert.equal(page.status, 200, path)
      assert.match(await page.text(), expected, path)
    }
  })

  it('find emails by address, by ID, and by how words of the subject begin', async () => {
    await email('em_1', { subject: 'Your invitation to Berlin', status: 'opened' })
    await email('em_2', { subject: 'Invoice 4711', recipients: ['grace@example.com'] })
    const found = async (search: Record<string, string>) =>
      [...(await visitor.html(`/emails?${new URLSearchParams(search)}`)).matchAll(/href="\/emails\/aisend\/(\w+)"/g)]
        .map(([, id]) => id)
        .sort()
    assert.deepEqual(await found({}), ['em_1', 'em_2'])
    assert.deepEqual(await found({ q: 'ADA@example.com' }), ['em_1'])
    assert.deepEqual(await found({ q: 'em_2' }), ['em_2'])
    assert.deepEqual(await found({ q: 'berl invit' }), ['em_1'])
    assert.deepEqual(await found({ q: 'INV' }), ['em_1', 'em_2'])
    assert.deepEqual(await found({ q: 'in', status: 'opened' }), ['em_1'])
    assert.deepEqual(await found({ q: "4711' | !x:* & (" }), [])
    assert.deepEqual(await found({ q: 'nobody@example.com' }), [])
    assert.deepEqual(await found({ status: 'nonsense', cursor: 'nonsense' }), ['em_1', 'em_2'])
  })

  it('turn long lists page by page, each email on one of them', async () => {
    for (let n = 0; n < 60; n += 1) await email(`em_${n}`, { subject: 'Newsletter' })
    for (const search of ['', 'q=newsletter&']) {
      const first = await visitor.html(`/emails?${search}`)
      const [, next = ''] = /href="(\/emails\?[^"]*cursor=[^"]+)" rel="next"/.exec(first) ?? []
      const second = await visitor.html(next.replaceAll('&amp;', '&'))
      const idsIn = (html: string) => [...html.matchAll(/href="\/emails\/aisend\/(\w+)"/g)].map(([, id]) => id)
      assert.equal(idsIn(first).length, 50)
      assert.equal(new Set([...idsIn(first), ...idsIn(second)]).size, 60)
    }
  })

  it('show what each event of an email did, and why one did nothing', async () => {
    await email('em_1', {
      subject: 'Hello',
      status: 'delivered',
      sentAt: new Date(1_000),
      deliveredAt: new Date(3_000),
    })
    const at = Date.now()
    await store(
      database.db,
      { id: 'evt_1', type: 'delivered', occurredAt: at, receivedAt: at },
      { id: 'evt_2', type: 'sent', occurredAt: at - 2_000, receivedAt: at + 1 },
      { id: 'evt_3', type: 'sent', occurredAt: at - 1_000, receivedAt: at + 2 },
      { id: 'evt_4', type: 'rendered', occurredAt: at, receivedAt: at + 3 },
    )
    await database.db.event.updateMany({ data: { appliedAt: new Date() } })
    const html = await visitor.html('/emails/aisend/em_1')
    assert.match(html, /The first word of this email: delivered\./)
    assert.match(html, /Its time is noted; the status stays delivered, which outranks it\./)
    assert.match(html, /Changed nothing\. sent was known already, and the earliest time counts\./)
    assert.match(html, /Changed nothing\. The lifecycle gives this type no meaning/)
    assert.match(html, /http:\/\/temporal\.example\/namespaces\/default\/workflows\/email%2Faisend%2Fem_1/)
  })

  it('say of an email why events of it are not shown that were older than events are kept', async () => {
    const at = Date.now()
    await email('em_1', { status: 'opened', firstReceivedAt: new Date(at) })
    const page = () => visitor.html('/emails/aisend/em_1')
    assert.match(await page(), /Its events\s+are older than events are kept \(RETAIN_EVENTS\)/)
    await store(database.db, { id: 'evt_later', type: 'opened', occurredAt: at + 1, receivedAt: at + 1 })
    assert.match(await page(), /Its earlier events\s+are older than events are kept/)
    await store(database.db, { id: 'evt_first', type: 'sent', occurredAt: at, receivedAt: at })
    assert.doesNotMatch(await page(), /RETAIN_EVENTS/)
  })

  it('show the first and the last events of an email that has hundreds, and all of them when asked', async () => {
    await email('em_1', { status: 'opened' })
    const at = Date.now() - 1_000_000
    const opened = (n: number) => ({ id: `evt_${n}`, type: 'opened' as const, occurredAt: at + n, receivedAt: at + n })
    await store(database.db, ...Array.from({ length: 130 }, (_, n) => opened(n)))
    const shownIn = (html: string) => [...html.matchAll(/<code[^>]*>(evt_\d+)</g)].map(([, id]) => id)
    const short = await visitor.html('/emails/aisend/em_1')
    const [, all = ''] = /30 events between them · <a href="([^"]+)"/.exec(short) ?? []
    assert.deepEqual(
      shownIn(short),
      [...Array(50).keys(), ...Array.from({ length: 50 }, (_, n) => 80 + n)].map((n) => `evt_${n}`),
    )
    assert.equal(shownIn(await visitor.html(all.replace('&amp;', '&'))).length, 130)
  })

  it('let the recipient of an email be suppressed from its page, which then says so', async () => {
    await email('em_1')
    assert.match(await visitor.html('/emails/aisend/em_1'), /Suppress recipient/)
    const answer = await visitor.post('/suppressions', { address: 'Ada@example.com', back: '/emails/aisend/em_1' })
    assert.equal(answer.headers.get('location'), '/emails/aisend/em_1?done=suppressed')
    const html = await visitor.html('/emails/aisend/em_1')
    assert.match(html, /suppressed: manual/)
    assert.doesNotMatch(html, /Suppress recipient/)
  })

  it('show an email that no workflow has stored yet', async () => {
    await store(database.db, { id: 'evt_1', emailId: 'em_new', type: 'sent', subject: 'Just now' })
    const html = await visitor.html('/emails/aisend/em_new')
    assert.match(html, /Just now/)
    assert.match(html, /Not applied yet: it waits for its workflow/)
  })

  it('show a payload to the last digit, and what is stored of the event', async () => {
    await store(database.db, { id: 'evt/1', payload: '{"n":12345678901234567890,"list":[],"a":{"b":"x, {y}"},"a":1}' })
    const html = (await visitor.html('/events/aisend/evt%2F1')).replaceAll('&quot;', '"')
    assert.match(
      html,
      /"n": 12345678901234567890,\n {2}"list": \[\],\n {2}"a": \{\n {4}"b": "x, \{y\}"\n {2}\},\n {2}"a": 1\n\}/,
    )
  })

  it('have an escalation acknowledged, snoozed and resolved in the name of who is signed in', async () => {
    await escalation('open')
    visited.lives.answer = async () => openEscalation('stalled', '', 0, policy)
    const before = Date.now()
    const answer = await visitor.post('/escalations/esc_1/acknowledge', { back: '/emails/aisend/em_1?x=1' })
    assert.equal(answer.headers.get('location'), '/emails/aisend/em_1?x=1&done=acknowledged')
    await visitor.post('/escalations/esc_1/snooze', { for: '2h' })
    await visitor.post('/escalations/esc_1/resolve', {})
    const [acknowledged, snoozed, resolved] = visited.lives.commands.map(({ command }) => command)
    assert.deepEqual(acknowledged, { do: 'acknowledge', by: 'grace' })
    assert.ok(snoozed?.do === 'snooze' && snoozed.by === 'grace' && snoozed.until >= before + 7_200_000)
    assert.deepEqual(resolved, { do: 'resolve', by: 'grace' })
    assert.equal((await visitor.post('/escalations/esc_1/snooze', { for: '9y' })).status, 400)
    assert.equal((await visitor.post('/escalations/esc_none/resolve', {})).status, 404)
  })

  it('show what an escalation is about that is about no single email', async () => {
    const about = (id: string, emailId: string, reason: string) =>
      database.db.escalation.create({
        data: { id, provider: 'aftersend', emailId, reason, state: 'open', detail: 'Too many.', openedAt: new Date() },
      })
    await about('esc_1', 'tag:two: words@2026-01-01T00:00:00.000Z', 'bounce_rate')
    await about('esc_2', 'system@2026-01-01T00:00:00.000Z', 'backlog')
    for (const path of ['/', '/escalations']) {
      const html = await visitor.html(path)
      assert.match(html, /href="\/emails\?tag=two%3A\+words">Emails with the tag <bdi>two: words/)
      assert.match(html, /Events wait too long to be applied/)
      assert.doesNotMatch(html, /\/emails\/aftersend/)
    }
    assert.match(await visitor.html('/escalations'), /What to do[\s\S]*bought addresses/)
  })

  it('show who has an escalation in hand', async () => {
    await escalation('acknowledged')
    const html = await visitor.html('/escalations?state=acknowledged')
    assert.match(html, /Acknowledged by <strong dir="auto">ada<\/strong>/)
    assert.doesNotMatch(html, />Acknowledge</)
    assert.match(html, />Resolve</)
  })

  it('add and remove a suppression with who did it and why, and keep it as history', async () => {
    await visitor.post('/suppressions', { address: 'Ada <ADA@example.com>', note: 'Asked by phone' })
    assert.match(
      await visitor.html('/suppressions'),
      /ada@example\.com[\s\S]*by <bdi>grace<\/bdi>: <bdi>Asked by phone/,
    )
    assert.match(await visitor.html('/suppressions?q=ADA@example.com'), /ada@example\.com/)
    await visitor.post('/suppressions/remove', { address: 'ada@example.com', note: 'Works again' })
    assert.match(await visitor.html('/suppressions?q=ada@example.com'), /This address is not suppressed/)
    assert.match(await visitor.html('/suppressions?removed=shown'), /removed by <bdi>grace<\/bdi>: <bdi>Works again/)
    assert.equal((await visitor.post('/suppressions/remove', { address: 'ada@example.com' })).status, 409)
  })

  it('say what is wrong with an address, and keep what was written', async () => {
    const refused = await visitor.post('/suppressions', { address: 'no address"' })
    assert.equal(refused.status, 400)
    assert.match(await refused.text(), /value="no address&quot;"[\s\S]*This is no email address/)
  })

  it('have quarantined events tried again: those that are ticked, or all', async () => {
    await store(database.db, { id: 'evt_1' }, { id: 'evt_2' }, { id: 'evt "3"' })
    await database.db.event.updateMany({ data: { quarantinedReason: 'too odd', attempts: 10 } })
    const quarantined = async () =>
      (await database.db.event.findMany({ where: { quarantinedReason: { not: null } } })).map(({ eventId }) => eventId)
    assert.match(await visitor.html('/events'), /too odd/)
    await visitor.post('/events/replay', { event: JSON.stringify(['aisend', 'evt "3"']) })
    assert.deepEqual((await quarantined()).sort(), ['evt_1', 'evt_2'])
    assert.equal((await visitor.post('/events/replay', { event: '["aisend"]' })).status, 400)
    assert.equal((await visitor.post('/events/replay', { event: 'x' })).status, 400)
    await visitor.post('/events/replay-all', {})
    assert.deepEqual(await quarantined(), [])
  })

  it('show where webhooks go and that a secret is set, but never the secret', async () => {
    const html = await visitor.html('/setup')
    assert.match(html, new RegExp(`value="${visited.served.url}/webhooks/aisend"`))
    assert.match(html, /1 secret set/)
    assert.doesNotMatch(html, /secret-of-the-tests|key-of-the-tests/)
  })

  it('show when the last webhook of a provider came, and how many of the last day were not genuine', async () => {
    assert.match(await visitor.html('/setup'), /Last webhook<\/dt><dd><span class="muted">None lately/)
    await addWebhookCounts(database.db, [{ provider: 'aisend', genuine: 3, refused: 0 }])
    const well = await visitor.html('/setup')
    assert.match(well, /Last webhook<\/dt><dd><time/)
    assert.doesNotMatch(well, /Wrong signatures/)
    await addWebhookCounts(database.db, [{ provider: 'aisend', genuine: 0, refused: 2 }])
    assert.match(await visitor.html('/setup'), /Wrong signatures<\/dt><dd>2 webhooks in the last 24 hours/)
  })

  it('tell an open page of changes by a stream, which asking about it does not open', async () => {
    const head = await visitor.head('/live')
    assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8'])
    const stream = await visitor.get('/live?provider=aisend&email=em_1')
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    let told = ''
    while (!told.includes('event: changed')) told += (await reader?.read())?.value ?? ''
    await reader?.cancel()
    assert.equal(stream.headers.get('cache-control'), 'no-store')
  })

  it('send test events through the code that takes webhooks, and lead to their email', async () => {
    const answer = await visitor.post('/setup/test-event', { path: 'aisend' })
    const location = answer.headers.get('location') ?? ''
    assert.match(location, /^\/emails\/aisend\/em_test_[0-9a-f]{12}$/)
    const { events } = visited.inbox
    assert.deepEqual(
      events.map(({ type, emailId }) => [type, `/emails/aisend/${emailId}`]),
      [
        ['sent', location],
        ['delivered', location],
      ],
    )
    assert.equal((await visitor.post('/setup/test-event', { path: 'nobody' })).status, 404)
  })

  it('send test events as each provider tells them, but of those whose signature only they can make', async () => {
    const generated = new Map(providers.map(({ name, generate }) => [name, [generate().accepted]]))
    const dependencies = { clock: Date.now, fetch: assert.fail, tokens: tokensInMemory() }
    const all = await serveDashboard({ db: database.db, webhooks: createWebhookSources(generated, dependencies) })
    try {
      const signedIn = new Visitor(all.served)
      await signedIn.signIn()
      const taken = await Promise.all(
        providers.map(async ({ name }) => [name, (await signedIn.post('/setup/test-event', { path: name })).status]),
      )
      const refused = taken.filter(([, status]) => status !== 303)
      assert.deepEqual(refused, [
        ['sendgrid', 404],
        ['ses', 404],
      ])
      const delivered = all.inbox.events.filter(({ type }) => type === 'delivered')
      assert.deepEqual(delivered.map(({ provider }) => provider).sort(), [
        ...['aisend', 'mailgun', 'postmark', 'resend', 'standard-webhooks'],
      ])
      assert.equal((await signedIn.html('/setup')).match(/Send a test event/g)?.length, 5)
    } finally {
      await all.stop()
    }
  })
})
