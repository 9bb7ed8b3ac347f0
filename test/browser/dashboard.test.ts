import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { storeDmarcReports } from '../../src/db/dmarc-reports.ts'
import { dmarcReportsIn } from '../../src/domains/dmarc-reports.ts'
import { store } from '../db/stored.ts'
import { reportXml } from '../domains/report-xml.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { startBrowser } from './chromium.ts'
import { startWholeSystem, type WholeSystem } from './whole-system.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe('the dashboard in a browser', function () {
  this.timeout(30_000)
  let browser: Browser | null
  let system: WholeSystem
  let context: BrowserContext
  let page: Page
  /** Errors on the console, and requests to other hosts. */
  let faults: string[]

  before(async function () {
    this.timeout(500_000)
    browser = await startBrowser()
    if (browser === null) return this.skip()
    system = await startWholeSystem()
    context = await browser.newContext()
    page = await signedIn(context)
  })
  after(async () => {
    await browser?.close()
    await system?.stop()
  })
  beforeEach(() => {
    faults = []
  })
  afterEach(() => assert.deepEqual(faults, []))

  async function signedIn(of: BrowserContext): Promise<Page> {
    const opened = await of.newPage()
    opened.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) faults.push(message.text())
    })
    opened.on('pageerror', (error) => faults.push(error.message))
    opened.on('request', (request) => {
      if (new URL(request.url()).origin !== system.url) faults.push(`asked ${request.url()}`)
    })
    await opened.goto(`${system.url}/emails`)
    await opened.getByLabel('Your name').fill('grace')
    await opened.getByLabel('API key').fill(system.apiKey)
    await opened.getByRole('button', { name: 'Sign in' }).click()
    await opened.getByRole('heading', { name: 'Emails' }).waitFor()
    return opened
  }

  const go = (path: string) => page.goto(system.url + path)
  /** Marks the loaded page. A reload removes the mark. */
  const mark = () => page.evaluate(() => Object.assign(window, { isMarked: true }))
  const isMarked = () => page.evaluate(() => 'isMarked' in window)
  const status = (label: string) => page.locator('.lead .status', { hasText: label })

  it('updates the status of an email from sent to opened without a reload', async () => {
    await system.register({ id: 'em_live', to: 'ada@example.com', subject: 'Your invitation' })
    await go('/emails/aisend/em_live')
    await status('Sent').waitFor()
    await mark()
    await system.webhook('delivered', 'em_live')
    await status('Delivered').waitFor()
    await system.webhook('opened', 'em_live', { user_agent: 'Thunderbird/128.4.0' })
    await status('Opened').waitFor()
    await page.locator('.timeline text', { hasText: 'Opened' }).waitFor()
    assert.ok(await isMarked())
  })

  it('leads from the search of any page to the person, whose address is in no URL, and updates the page', async () => {
    await go('/setup')
    await page.getByLabel('Find a person or an email').fill('Ada@example.com')
    await page.getByRole('button', { name: 'Find' }).click()
    await page.getByRole('heading', { name: 'ada@example.com' }).waitFor()
    assert.doesNotMatch(decodeURIComponent(page.url()), /@|example/)
    await mark()
    await system.register({ id: 'em_person', to: 'ada@example.com', subject: 'About a person' })
    await page.getByRole('link', { name: 'About a person' }).first().waitFor()
    assert.ok(await isMarked())
  })

  it('shows that it is live, that the connection is lost, and that it is live again', async () => {
    const proxy = await FaultProxy.to(Number(new URL(system.url).port))
    const own = await browser?.newContext()
    try {
      const [cookie] = await context.cookies()
      assert.ok(own && cookie)
      await own.addCookies([cookie])
      own.setDefaultTimeout(9_000)
      const ownPage = await own.newPage()
      await ownPage.goto(`http://127.0.0.1:${proxy.port}/emails`)
      const live = ownPage.locator('#live')
      await live.getByText('Live', { exact: true }).waitFor()
      proxy.refuse()
      await live.getByText('Not connected since').waitFor()
      await proxy.restore()
      await live.getByText('Live', { exact: true }).waitFor()
    } finally {
      await own?.close()
      proxy.close()
    }
  })

  it('leaves a payload open when the page is refreshed', async () => {
    await go('/emails/aisend/em_live')
    await page.locator('summary', { hasText: 'Payload of evt_' }).first().click()
    await page.locator('.payload-content pre', { hasText: '"email_id": "em_live"' }).waitFor()
    await system.webhook('clicked', 'em_live', { user_agent: 'Thunderbird/128.4.0' })
    await status('Clicked').waitFor()
    assert.ok(await page.locator('.payload-content pre').first().isVisible())
  })

  it('updates the figures on the overview, and leaves its charts', async () => {
    await go('/')
    await page.locator('.chart canvas').first().waitFor()
    const sent = page.locator('.figure', { hasText: 'Sent' }).locator('.figure-value')
    const before = Number(await sent.textContent())
    await mark()
    await system.register({ id: 'em_counted', to: 'ada@example.com' })
    await page
      .locator('.figure-value', { hasText: new RegExp(`^${before + 1}$`) })
      .first()
      .waitFor()
    await page.locator('a[href="/emails/aisend/em_counted"]').waitFor()
    assert.equal(await page.locator('.chart canvas').count(), 2)
    assert.ok(await isMarked())
  })

  it('acknowledges an escalation, and shows by whom', async () => {
    await system.register({ id: 'em_critical', to: 'ada@example.com', subject: 'Your code', priority: 'critical' })
    await system.webhook('bounced', 'em_critical', { bounce: { type: 'hard', code: '5.1.1' } })
    await go('/escalations')
    const card = page.locator('article', { hasText: 'Your code to ada@example.com' })
    await card.getByRole('button', { name: 'Acknowledge' }).click()
    await page.getByRole('status').filter({ hasText: 'Acknowledged' }).waitFor()
    await card.getByText('Acknowledged by grace').waitFor()
  })

  it('shows what became of an email for each of its recipients', async () => {
    const [ada, bob] = ['ada@example.com', 'bob@example.com']
    await system.register({ id: 'em_several', to: [ada, bob], subject: 'Minutes' })
    await system.webhook('delivered', 'em_several', { recipient: ada })
    await go('/emails/aisend/em_several')
    await status('Delivered to 1 of 2').waitFor()
    const bounce = { type: 'hard', code: '5.7.26', message: '550 5.7.26 not accepted due to its DMARC policy' }
    await system.webhook('bounced', 'em_several', { recipient: bob, bounce })
    const row = page.locator('.recipients').getByRole('row', { name: bob })
    await row.getByText('Authentication failed').waitFor()
    await row.getByText('Who must act: you, the sender').waitFor()
    await page.locator('.timeline .lane-name', { hasText: bob }).waitFor()
    await go('/emails')
    await page.getByText('What the statuses mean').click()
    await page.getByText('It will not arrive, for a reason that is not').waitFor()
  })

  it('imports a CSV file after a preview', async () => {
    await go('/suppressions/import')
    const buffer = Buffer.from('email\nlinus@example.com\nnobody\n')
    await page.getByLabel('CSV file').setInputFiles({ name: 'list.csv', mimeType: 'text/csv', buffer })
    await page.getByRole('button', { name: 'Preview' }).click()
    await page.getByRole('heading', { name: 'Preview' }).waitFor()
    await page.getByText('Line 3 has no valid email address').waitFor()
    assert.equal(await system.db.suppression.count({ where: { address: 'linus@example.com' } }), 0)
    await page.getByRole('button', { name: 'Import' }).click()
    await page.getByRole('heading', { name: 'Imported' }).waitFor()
    await page.getByRole('link', { name: 'Show the list' }).click()
    await page.getByRole('cell', { name: 'linus@example.com', exact: true }).waitFor()
  })

  it('replays a quarantined event, and shows that it is applied', async () => {
    await system.register({ id: 'em_aside', to: 'ada@example.com' })
    await store(system.db, { id: 'evt_aside', emailId: 'em_aside', type: 'delivered' })
    await system.db.event.updateMany({ where: { eventId: 'evt_aside' }, data: { quarantinedReason: 'too odd' } })
    await go('/events')
    await page.getByLabel('Event evt_aside').check()
    await page.getByRole('button', { name: 'Replay selected' }).click()
    await page.getByRole('status').filter({ hasText: 'Replayed' }).waitFor()
    await go('/emails/aisend/em_aside')
    await status('Delivered').waitFor()
  })

  it('can be used by keyboard, with a link past the navigation', async () => {
    await go('/emails')
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to content')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'q')
  })

  it('works without JavaScript', async () => {
    const plain = await browser?.newContext({ javaScriptEnabled: false })
    assert.ok(plain)
    const reader = await signedIn(plain)
    await reader.getByPlaceholder('Address, ID, key=value').fill('invit')
    await reader.getByRole('button', { name: 'Search' }).click()
    await reader.getByRole('link', { name: 'Your invitation' }).click()
    await reader.locator('summary', { hasText: 'Payload of evt_' }).first().click()
    await reader.getByRole('link', { name: 'Open the event' }).first().click()
    await reader.locator('pre', { hasText: '"email_id": "em_live"' }).waitFor()
    await plain.close()
  })

  const paths = [
    '/',
    '/emails',
    '/emails/aisend/em_live',
    '/emails/aisend/em_critical',
    '/emails/aisend/em_several',
    '/recipients',
    '/recipients?address=ada%40example.com',
    '/escalations',
    '/suppressions',
    '/suppressions/import',
    '/events?state=applied',
    '/events/aisend/evt_aside',
    '/domains',
    '/domains/example.com',
    '/setup',
    '/setup/endpoints',
    '/setup/endpoints/ep_tried',
    '/setup/keys',
    '/setup/audit',
    '/setup/sessions',
    '/sign-in',
  ]

  /** Repeats count once. */
  const addReport = async () => {
    const begin = Math.floor(Date.now() / 1_000) - 86_400
    const records = [{ messages: 90 }, { sourceIp: '2001:db8::9', messages: 40, dkim: 'fail', spf: 'fail' } as const]
    const content = Buffer.from(reportXml(records, { begin }))
    const reports = await dmarcReportsIn([{ filename: null, contentType: '', content }])
    await storeDmarcReports(system.db, 'default', reports, 'receiver.example')
  }

  /** Paused, so that nothing is sent, with an attempt that failed. */
  const addEndpoint = async () => {
    const [id, url] = ['ep_tried', 'https://app.example.com/webhooks']
    const isKnown = await system.db.endpoint.findUnique({ where: { id } })
    if (isKnown) return
    const paused = { state: 'paused', pausedReason: 'failing', firstFailedAt: new Date(), createdBy: 'grace' }
    await system.db.endpoint.create({ data: { id, url, ...paused, eventTypes: ['email.bounced'] } })
    const delivery = { messageId: 'msg_1', endpointId: id, lane: 'msg_1', type: 'endpoint.test', state: 'failed' }
    const { id: deliveryId } = await system.db.delivery.create({ data: delivery })
    const attempt = { deliveryId, endpointId: id, at: new Date(), status: 500, durationMs: 12, answer: 'out of order' }
    await system.db.deliveryAttempt.create({ data: attempt })
  }

  for (const [width, colorScheme] of [
    [1280, 'light'],
    [390, 'dark'],
  ] as const) {
    it(`has no serious accessibility fault, ${width} pixels wide and ${colorScheme}`, async () => {
      await addEndpoint()
      await addReport()
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme })
      for (const path of paths) {
        if (path === '/sign-in') await context.clearCookies()
        await go(path)
        assert.deepEqual(await violationsOn(page), [], path)
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        assert.equal(overflow, 0, `${path} is wider than the screen`)
      }
      await page.close()
      page = await signedIn(context)
    })
  }
})

/** Violations that axe-core rates serious or critical, by rule and element. */
async function violationsOn(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') }
    const { violations } = await axe.run()
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
  })
}
