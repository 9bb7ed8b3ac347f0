import assert from 'node:assert/strict'
import { addWebhookCounts } from '../../src/db/webhook-minutes.ts'
import { openEscalation } from '../../src/domain/escalation.ts'
import { createWebhookSources, isBounceMail, providers } from '../../src/providers/registry.ts'
import { store } from '../db/stored.ts'
import { tokensInMemory } from '../providers/adapter.ts'
import { useDatabase } from '../stack.ts'
import { serveDashboard, useDashboard, Visitor } from './visitor.ts'

const policy = {
  stallAfterMs: { critical: 1, normal: 1, bulk: 1 },
  escalationRepeatAfterMs: 1,
  lingerAfterSettledMs: 1,
  giveUpAfterMs: 1,
}

describe('the pages of the dashboard', () => {
  const { db } = useDatabase('emails, events, suppressions, escalations, webhook_minutes')
  const { visited, visitor } = useDashboard(() => ({ db }))

  const email = (id: string, parts: object = {}) =>
    db.email.create({
      data: { id, provider: 'aisend', to: ['Ada@example.com'], recipients: ['ada@example.com'], ...parts },
    })
  const escalation = (state: string) =>
    db.escalation.create({
      data: {
        id: 'esc_1',
        provider: 'aisend',
        emailId: 'em_1',
        reason: 'stalled',
        state,
        detail: 'Its delivery is not confirmed.',
        openedAt: new Date(),
        acknowledgedBy: state === 'acknowledged' ? 'ada' : null,
        acknowledgedAt: state === 'acknowledged' ? new Date() : null,
      },
    })

  it('say on Overview that Temporal refuses requests, why, and what to do; and nothing while it accepts them', async () => {
    assert.doesNotMatch(await visitor.html('/'), /Temporal refuses requests/)
    const temporalStatus = () =>
      ({ state: 'refused', since: Date.now() - 60_000, detail: 'The key is revoked.' }) as const
    const { served, stop } = await serveDashboard({ db, temporalStatus })
    const other = new Visitor(served)
    await other.signIn()
    const overview = await other.html('/')
    await stop()
    assert.match(overview, /Temporal refuses requests/)
    assert.match(overview, /The key is revoked\./)
    assert.match(overview, /TEMPORAL_API_KEY/)
  })

  it('break down on Overview why emails failed, by reason, by party and by mailbox provider', async () => {
    assert.match(await visitor.html('/'), /No failures in this period/)
    await email('em_1', {
      delivery: 'failed',
      status: 'failed',
      bounceClass: 'hard',
      failureReason: 'authentication',
      failureParty: 'sender',
    })
    await email('em_2', { delivery: 'bounced', status: 'bounced', bounceClass: 'hard' })
    const overview = await visitor.html('/')
    assert.match(
      overview,
      /Authentication failed<a class="block small" href="\/domains">Check your sending domain<\/a><\/td><td class="number">1<\/td><td class="number">0<\/td><td class="number">1</,
    )
    assert.match(overview, /Reason unknown<\/td>/)
    assert.match(await visitor.html('/?range=7d&by=party'), /<td>Sender<\/td>/)
    assert.match(await visitor.html('/?by=mailboxProvider'), /other mailbox providers<\/td><td class="number">2</i)
  })

  it('say what to do next on an empty page', async () => {
    const texts: Record<string, RegExp> = {
      '/': /Set up your provider.+webhooks/,
      '/emails': /POST \/v1\/emails/,
      '/escalations': /Set up notifications/,
      '/suppressions': /a CSV file/,
      '/events': /replay it/,
      '/events?state=pending': /unless Temporal or the workers are down/,
      '/setup': /SUPPORT_WEBHOOK_URL/,
    }
    for (const [path, expected] of Object.entries(texts)) {
      const page = await visitor.get(path)
      assert.equal(page.status, 200, path)
      assert.match(await page.text(), expected, path)
    }
  })

  it('find emails by address, by ID, and by prefixes of words of the subject', async () => {
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

  it('split long lists into pages, each email on one of them', async () => {
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

  it('show the effect of each event of an email, and why one had none', async () => {
    await email('em_1', {
      subject: 'Hello',
      status: 'delivered',
      sentAt: new Date(1_000),
      deliveredAt: new Date(3_000),
    })
    const at = Date.now()
    await store(
      db,
      { id: 'evt_1', type: 'delivered', occurredAt: at, receivedAt: at },
      { id: 'evt_2', type: 'sent', occurredAt: at - 2_000, receivedAt: at + 1 },
      { id: 'evt_3', type: 'sent', occurredAt: at - 1_000, receivedAt: at + 2 },
      { id: 'evt_4', type: 'rendered', occurredAt: at, receivedAt: at + 3 },
    )
    await db.event.updateMany({ data: { appliedAt: new Date() } })
    const html = await visitor.html('/emails/aisend/em_1')
    assert.match(html, /The first event of this email: delivered\./)
    assert.match(html, /Its time is stored; the status stays delivered, which outranks it\./)
    assert.match(html, /No change\. sent was known already, at the same time or earlier\./)
    assert.match(html, /No change\. This type does not affect the status/)
    assert.match(html, /http:\/\/temporal\.example\/namespaces\/default\/workflows\/email%2Faisend%2Fem_1/)
  })

  it('say that events of an email were deleted by age', async () => {
    const at = Date.now()
    await email('em_1', { status: 'opened', firstReceivedAt: new Date(at) })
    const page = () => visitor.html('/emails/aisend/em_1')
    assert.match(await page(), /The events of this email were deleted, as RETAIN_EVENTS says/)
    await store(db, { id: 'evt_later', type: 'opened', occurredAt: at + 1, receivedAt: at + 1 })
    assert.match(await page(), /The earlier events of this email were deleted/)
    await store(db, { id: 'evt_first', type: 'sent', occurredAt: at, receivedAt: at })
    assert.doesNotMatch(await page(), /RETAIN_EVENTS/)
  })

  it('show the first and the last events of an email that has hundreds, and all of them when asked', async () => {
    await email('em_1', { status: 'opened' })
    const at = Date.now() - 1_000_000
    const opened = (n: number) => ({ id: `evt_${n}`, type: 'opened' as const, occurredAt: at + n, receivedAt: at + n })
    await store(db, ...Array.from({ length: 130 }, (_, n) => opened(n)))
    const shownIn = (html: string) => [...html.matchAll(/<code[^>]*>(evt_\d+)</g)].map(([, id]) => id)
    const short = await visitor.html('/emails/aisend/em_1')
    const [, all = ''] = /30 events between them · <a href="([^"]+)"/.exec(short) ?? []
    assert.deepEqual(
      shownIn(short),
      [...Array(50).keys(), ...Array.from({ length: 50 }, (_, n) => 80 + n)].map((n) => `evt_${n}`),
    )
    assert.equal(shownIn(await visitor.html(all.replace('&amp;', '&'))).length, 130)
  })

  it('suppress the recipient of an email from its page, which then shows it', async () => {
    await email('em_1')
    assert.match(await visitor.html('/emails/aisend/em_1'), /Suppress recipient/)
    const answer = await visitor.post('/suppressions', { address: 'Ada@example.com', back: '/emails/aisend/em_1' })
    assert.equal(answer.headers.get('location'), '/emails/aisend/em_1?done=suppressed')
    const html = await visitor.html('/emails/aisend/em_1')
    assert.match(html, /suppressed: manual/)
    assert.doesNotMatch(html, /Suppress recipient/)
  })

  it('show an email before its workflow has stored it', async () => {
    await store(db, { id: 'evt_1', emailId: 'em_new', type: 'sent', subject: 'Just now' })
    const html = await visitor.html('/emails/aisend/em_new')
    assert.match(html, /Just now/)
    assert.match(html, /Pending: its workflow has not applied it yet/)
  })

  it('show a payload exactly as received, indented', async () => {
    await store(db, { id: 'evt/1', payload: '{"n":12345678901234567890,"list":[],"a":{"b":"x, {y}"},"a":1}' })
    const html = (await visitor.html('/events/aisend/evt%2F1')).replaceAll('&quot;', '"')
    assert.match(
      html,
      /"n": 12345678901234567890,\n {2}"list": \[\],\n {2}"a": \{\n {4}"b": "x, \{y\}"\n {2}\},\n {2}"a": 1\n\}/,
    )
  })

  it('acknowledge, snooze and resolve an escalation in the name of the signed-in person', async () => {
    await escalation('open')
    visited.emailWorkflows.answer = async () => openEscalation('stalled', '', 0, policy)
    const before = Date.now()
    const answer = await visitor.post('/escalations/esc_1/acknowledge', { back: '/emails/aisend/em_1?x=1' })
    assert.equal(answer.headers.get('location'), '/emails/aisend/em_1?x=1&done=acknowledged')
    await visitor.post('/escalations/esc_1/snooze', { for: '2h' })
    await visitor.post('/escalations/esc_1/resolve', {})
    assert.match(await visitor.html('/escalations'), /<input type="hidden" name="version" value="1"/)
    const [acknowledged, snoozed, resolved] = visited.emailWorkflows.commands.map(({ command }) => command)
    assert.deepEqual(acknowledged, { do: 'acknowledge', by: 'grace' })
    assert.ok(snoozed?.do === 'snooze' && snoozed.by === 'grace' && snoozed.until >= before + 7_200_000)
    assert.deepEqual(resolved, { do: 'resolve', by: 'grace' })
    assert.equal((await visitor.post('/escalations/esc_1/snooze', { for: '9y' })).status, 400)
    assert.equal((await visitor.post('/escalations/esc_none/resolve', {})).status, 404)
  })

  it('show the scope of an escalation that is about several emails', async () => {
    const about = (id: string, emailId: string, reason: string) =>
      db.escalation.create({
        data: { id, provider: 'aftersend', emailId, reason, state: 'open', detail: 'Too many.', openedAt: new Date() },
      })
    await about('esc_1', 'tag:two: words@2026-01-01T00:00:00.000Z', 'bounce_rate')
    await about('esc_2', 'system@2026-01-01T00:00:00.000Z', 'backlog')
    for (const path of ['/', '/escalations']) {
      const html = await visitor.html(path)
      assert.match(html, /href="\/emails\?tag=two%3A\+words">Emails with the tag <bdi>two: words/)
      assert.match(html, /Events are not applied in time/)
      assert.doesNotMatch(html, /\/emails\/aftersend/)
    }
    assert.match(await visitor.html('/escalations'), /What to do[\s\S]*bought addresses/)
  })

  it('show who acknowledged an escalation', async () => {
    await escalation('acknowledged')
    const html = await visitor.html('/escalations?state=acknowledged')
    assert.match(html, /Acknowledged by <strong dir="auto">ada<\/strong>/)
    assert.doesNotMatch(html, />Acknowledge</)
    assert.match(html, />Resolve</)
  })

  it('add and remove a suppression with the person and the reason, and show its history', async () => {
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

  it('say that an address is invalid, with the form as it was filled in', async () => {
    const rejected = await visitor.post('/suppressions', { address: 'no address"' })
    assert.equal(rejected.status, 400)
    assert.match(await rejected.text(), /value="no address&quot;"[\s\S]*Enter a valid email address/)
  })

  it('replay quarantined events: the selected ones, or all', async () => {
    await store(db, { id: 'evt_1' }, { id: 'evt_2' }, { id: 'evt "3"' })
    await db.event.updateMany({ data: { quarantinedReason: 'too odd', attempts: 10 } })
    const quarantined = async () =>
      (await db.event.findMany({ where: { quarantinedReason: { not: null } } })).map(({ eventId }) => eventId)
    assert.match(await visitor.html('/events'), /too odd/)
    await visitor.post('/events/replay', { event: JSON.stringify(['aisend', 'evt "3"']) })
    assert.deepEqual((await quarantined()).sort(), ['evt_1', 'evt_2'])
    assert.equal((await visitor.post('/events/replay', { event: '["aisend"]' })).status, 400)
    assert.equal((await visitor.post('/events/replay', { event: 'x' })).status, 400)
    await visitor.post('/events/replay-all', {})
    assert.deepEqual(await quarantined(), [])
  })

  it('show the webhook address and that a secret is set, but never the secret', async () => {
    const html = await visitor.html('/setup')
    assert.match(html, new RegExp(`value="${visited.served.url}/webhooks/aisend"`))
    assert.match(html, /1 secret set/)
    assert.doesNotMatch(html, /secret-of-the-tests|key-of-the-tests/)
  })

  it('name the key that is missing for a provider to be asked', async () => {
    assert.match(await visitor.html('/setup'), /Status lookup<\/dt><dd>No: set AISEND_API_KEY</)
  })

  it('show when the last webhook of a provider was received, and how many of the last day had wrong signatures', async () => {
    assert.match(await visitor.html('/setup'), /Last webhook<\/dt><dd><span class="muted">None recently/)
    await addWebhookCounts(db, [{ provider: 'aisend', genuine: 3, refused: 0 }])
    const html = await visitor.html('/setup')
    assert.match(html, /Last webhook<\/dt><dd><time/)
    assert.doesNotMatch(html, /Wrong signatures/)
    await addWebhookCounts(db, [{ provider: 'aisend', genuine: 0, refused: 2 }])
    assert.match(await visitor.html('/setup'), /Wrong signatures<\/dt><dd>2 webhooks in the last 24 hours/)
  })

  it('announce changes to an open page by a stream, which HEAD does not open', async () => {
    const head = await visitor.head('/live')
    assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'text/event-stream; charset=utf-8'])
    const stream = await visitor.get('/live?provider=aisend&email=em_1')
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    let received = ''
    while (!received.includes('event: changed')) received += (await reader?.read())?.value ?? ''
    await reader?.cancel()
    assert.equal(stream.headers.get('cache-control'), 'no-store')
  })

  it('send test events through the code that receives webhooks, and redirect to their email', async () => {
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

  it('send test events in the form of each provider, except where only the provider can sign', async () => {
    const generated = new Map(providers.map(({ name, generateSecret }) => [name, [generateSecret().accepted]]))
    const dependencies = { clock: Date.now, fetch: assert.fail, tokens: tokensInMemory() }
    const all = await serveDashboard({ db, webhooks: createWebhookSources(generated, dependencies) })
    try {
      const signedIn = new Visitor(all.served)
      await signedIn.signIn()
      const statuses = await Promise.all(
        providers.map(async ({ name }) => [name, (await signedIn.post('/setup/test-event', { path: name })).status]),
      )
      const refused = statuses.filter(([, status]) => status !== 303)
      // The private keys of these are not here, and a whole mail is no event of an email.
      const keyless = providers
        .filter(({ name, signsWithItsSecret }) => !signsWithItsSecret || isBounceMail(name))
        .map(({ name }) => name)
      assert.deepEqual(keyless.slice(0, 2), ['sendgrid', 'ses'])
      assert.deepEqual(
        refused,
        keyless.map((name) => [name, 404]),
      )
      const delivered = all.inbox.events.filter(({ type }) => type === 'delivered').map(({ provider }) => provider)
      const others = providers.map(({ name }) => name).filter((name) => !keyless.includes(name))
      assert.deepEqual(delivered.sort(), others.sort())
      assert.equal((await signedIn.html('/setup')).match(/Send a test event/g)?.length, others.length)
    } finally {
      await all.stop()
    }
  })
})
