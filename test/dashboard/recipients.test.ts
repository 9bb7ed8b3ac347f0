import assert from 'node:assert/strict'
import { addManualSuppression } from '../../src/db/suppressions.ts'
import { store } from '../db/stored.ts'
import { useDatabase } from '../stack.ts'
import { useDashboard } from './visitor.ts'

const ada = 'ada@example.com'
const dayMs = 86_400_000

describe('the page of a person', () => {
  const { db } = useDatabase('emails, email_recipients, events, suppressions, escalations')
  const { visitor } = useDashboard(() => ({ db }))

  const email = (id: string, parts: object = {}) =>
    db.email.create({
      data: { id, provider: 'aisend', to: [ada], recipients: [ada], subject: `About ${id}`, ...parts },
    })
  const mailboxFull = async () => {
    const at = new Date(Date.now() - 3 * dayMs)
    const bounce = { class: 'soft', code: '4.2.2', message: `452 4.2.2 <${ada}> mailbox full`, isOver: true } as const
    await store(db, { id: 'evt_full', emailId: 'em_full', type: 'bounced', bounce, recipient: ada })
    await email('em_full', {
      status: 'failed',
      delivery: 'failed',
      bounceClass: 'soft',
      bounceCode: '4.2.2',
      bouncedAt: at,
      bounceEventId: 'evt_full',
      createdAt: at,
    })
  }
  /** The path to which a search leads. */
  const search = async (q: string, more: Record<string, string> = {}) => {
    const response = await visitor.post('/search', { q, ...more })
    assert.equal(response.status, 303)
    return response.headers.get('location') ?? ''
  }
  const page = async () => visitor.html(await search(ada))

  it('is where the search of every page leads for an address, which no URL has', async () => {
    await email('em_1', { status: 'opened', delivery: 'delivered', deliveredAt: new Date() })
    for (const path of ['/', '/emails', '/emails/aisend/em_1', '/escalations', '/suppressions', '/events', '/setup']) {
      assert.match(await visitor.html(path), /<form method="post" action="\/search">/, path)
    }
    for (const written of [ada, ' ADA@example.com ', '"Ada L." <ada@example.com>']) {
      const path = await search(written)
      assert.match(path, /^\/recipients\?person=[\w-]+$/)
      const html = await visitor.html(path)
      assert.match(html, /About em_1/)
      assert.doesNotMatch(html, /(href|action|hx-get)="[^"]*(ada|example\.com)/)
    }
  })

  it('is not where the search leads for anything else: a list with its filters is', async () => {
    assert.equal(await search('em_1'), '/emails?q=em_1')
    assert.equal(
      await search('invoice', { in: '/emails', status: 'failed', tag: 'a b', reason: 'policy' }),
      '/emails?q=invoice&status=failed&tag=a+b&reason=policy',
    )
    assert.equal(
      await search('', { in: '/suppressions', reason: 'complaint', removed: 'shown' }),
      '/suppressions?reason=complaint&removed=shown',
    )
    assert.equal(await search('', { in: 'https://example.org' }), '/emails')
    const incomplete = await visitor.post('/search', { q: 'ada@' })
    assert.equal(incomplete.status, 400)
    assert.match(await incomplete.text(), /Enter one complete address/)
  })

  it('can be opened by address, and does not repeat it in its own links', async () => {
    await email('em_1')
    const html = await visitor.html(`/recipients?address=${encodeURIComponent('Ada@Example.com')}`)
    assert.match(html, /About em_1/)
    assert.doesNotMatch(html, /(href|action|hx-get)="[^"]*(ada|example\.com)/i)
    assert.match(html, /hx-get="\/recipients\?person=/)
    assert.match(await visitor.html('/recipients?address=nobody'), /Enter one complete address/)
    assert.match(await visitor.html('/recipients'), /Complete address of a person/)
  })

  it('says what to do, who must act, and by which evidence', async () => {
    await mailboxFull()
    await email('em_2', { status: 'opened', delivery: 'delivered', createdAt: new Date(Date.now() - 9 * dayMs) })
    const html = await page()
    assert.match(
      html,
      /Their mailbox is full since 3 days \(1 of 2 emails\); nothing to fix on your side: ask them to make room/,
    )
    assert.match(html, /Who must act: the recipient/)
    assert.match(html, /Mailbox full.+4\.2\.2.+cause: recipient/)
    assert.match(html, /452 4\.2\.2/)
    assert.match(html, /href="\/emails\/aisend\/em_full"/)
  })

  it('suppresses the person, shows by whom, and takes them off the list again', async () => {
    await email('em_1')
    const path = await search(ada)
    const suppressed = await visitor.post('/suppressions', { address: ada, note: 'asked by phone', back: path })
    assert.equal(suppressed.headers.get('location'), `${path}&done=suppressed`)
    const html = await visitor.html(path)
    assert.match(html, /put there by grace; nothing is sent to it/)
    assert.match(html, /asked by phone/)
    assert.doesNotMatch(html, /Suppress recipient/)
    const removed = await visitor.post('/suppressions/remove', { address: ada, note: 'works again', back: path })
    assert.equal(removed.headers.get('location'), `${path}&done=unsuppressed`)
    const after = await visitor.html(path)
    assert.match(after, /Suppress recipient/)
    assert.match(after, /removed by.+grace.+works again/)
  })

  it('links a suppression to the event that caused it', async () => {
    await mailboxFull()
    await db.suppression.create({
      data: {
        address: ada,
        reason: 'repeated_soft_bounces',
        provider: 'aisend',
        emailId: 'em_full',
        eventId: 'evt_full',
      },
    })
    const html = await page()
    assert.match(html, /href="\/events\/aisend\/evt_full"/)
    assert.match(html, /then take them off the suppression list/)
  })

  it('has pages of the emails', async () => {
    for (let n = 0; n < 55; n += 1) await email(`em_${n}`)
    const first = await page()
    const [, next = ''] = /href="(\/recipients\?[^"]*cursor=[^"]+)" rel="next"/.exec(first) ?? []
    const second = await visitor.html(next.replaceAll('&amp;', '&'))
    const idsIn = (html: string) =>
      [...html.matchAll(/class="row-link clip" href="\/emails\/aisend\/(\w+)"/g)].map(([, id]) => id)
    assert.deepEqual([idsIn(first).length, idsIn(second).length], [50, 5])
    assert.equal(new Set([...idsIn(first), ...idsIn(second)]).size, 55)
    assert.match(second, />Newest</)
  })

  it('says what is known of somebody without emails, and refuses a link of another installation', async () => {
    assert.match(await page(), /No email to this address is known/)
    await addManualSuppression(db, 'default', ada)
    assert.match(await page(), /put there by your team/)
    const refused = await visitor.get('/recipients?person=AAAA')
    assert.equal(refused.status, 404)
    assert.match(await refused.text(), /search for the address/i)
  })

  it('requires a session, and a form of the dashboard', async () => {
    const path = await search(ada)
    assert.equal((await visitor.post('/search', { q: ada }, { origin: 'https://evil.example' })).status, 403)
    visitor.cookie = ''
    assert.match((await visitor.get(path)).headers.get('location') ?? '', /^\/sign-in\?next=/)
    assert.equal((await visitor.post('/search', { q: ada })).headers.get('location'), '/sign-in')
  })
})
