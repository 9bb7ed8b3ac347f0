/** `npm run screenshots`: renews the screenshots in docs/images, of the real system with sample data. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { until } from '../until.ts'
import { startBrowser } from './chromium.ts'
import { storeSampleDays } from './sample-days.ts'
import { startWholeSystem, type WholeSystem } from './whole-system.ts'

/** SCREENSHOTS_OF_ALL=/some/folder: takes a screenshot of every page into that folder. */
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))
const otherFolder = process.env['SCREENSHOTS_OF_ALL']

const minuteMs = 60_000
const subject = 'Your invitation to the autumn review'

describe(`screenshots in ${folder}`, function () {
  this.timeout(500_000)
  let browser: Browser | null
  let system: WholeSystem

  before(async function () {
    browser = await startBrowser()
    if (browser === null) return this.skip()
    system = await startWholeSystem()
    await storeSampleDays(system.db, Date.now())
    await simulateEmail(system)
    await simulateThreeRecipients(system)
  })
  after(async () => {
    await browser?.close()
    await system?.stop()
  })

  it('overview.png and email.png', async () => {
    const page = await openPage(1280, 'light')
    await screenshot(page, '/', `${folder}overview.png`, 860)
    await screenshot(page, '/emails/aisend/em_invitation', `${folder}email.png`, 900)
  })

  it('every page, light and dark, wide and narrow', async function () {
    if (!otherFolder) return this.skip()
    mkdirSync(otherFolder, { recursive: true })
    for (const [width, colorScheme] of views) {
      const page = await openPage(width, colorScheme)
      for (const [name, path] of Object.entries(pages)) {
        await screenshot(page, path, `${otherFolder}/${name}-${width}-${colorScheme}.png`, width > 600 ? 900 : 844)
      }
      await page.context().close()
    }
  })

  const views = [
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const

  const pages = {
    overview: '/',
    'overview-30d': '/?range=30d',
    emails: '/emails',
    'emails-none': '/emails?q=nobody',
    email: '/emails/aisend/em_invitation',
    'email-to-three': '/emails/aisend/em_review',
    recipients: '/recipients',
    person: '/recipients?address=ada%40example.com',
    escalations: '/escalations',
    suppressions: '/suppressions',
    import: '/suppressions/import',
    events: '/events?state=applied',
    'events-none': '/events',
    setup: '/setup',
    keys: '/setup/keys',
    audit: '/setup/audit',
    missing: '/emails/aisend/nobody',
    'sign-in': '/sign-in?next=out',
  }

  async function openPage(width: number, colorScheme: 'light' | 'dark'): Promise<Page> {
    assert.ok(browser)
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme })
    const page = await context.newPage()
    await page.goto(`${system.url}/sign-in`)
    await page.getByLabel('Your name').fill('grace')
    await page.getByLabel('API key').fill(system.apiKey)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    return page
  }

  async function screenshot(page: Page, path: string, file: string, height: number): Promise<void> {
    if (path.startsWith('/sign-in')) await page.context().clearCookies()
    await page.setViewportSize({ width: page.viewportSize()?.width ?? 1280, height })
    await page.goto(system.url + path)
    await page.evaluate(() => document.fonts.ready)
    if (path.startsWith('/?') || path === '/') await page.locator('.chart canvas').nth(1).waitFor()
    await page.screenshot({ path: file, fullPage: otherFolder !== undefined && file.startsWith(otherFolder) })
  }
})

/** An email that is deferred, escalated, delivered, opened and clicked. */
async function simulateEmail(system: WholeSystem): Promise<void> {
  const emailId = 'em_invitation'
  const start = Date.now() - 200 * minuteMs
  const at = (ms: number) => ({ created_at: new Date(start + ms).toISOString(), to: 'ada@example.com', subject })
  const person = { user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0' }
  const machine = {
    user_agent: 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
  }
  const events: [string, Record<string, unknown>][] = [
    ['queued', at(0)],
    ['sending', at(310)],
    ['sent', at(1_250)],
    [
      'bounced',
      { ...at(4_100), bounce: { type: 'soft', code: '4.7.0', message: '451 4.7.0 Greylisted, try again later' } },
    ],
    ['delivered', at(16 * minuteMs)],
    ['opened', { ...at(16.1 * minuteMs), ...machine }],
    ['opened', { ...at(55 * minuteMs), ...person }],
    ['clicked', { ...at(55.6 * minuteMs), ...person, url: 'https://example.com/review' }],
    ['sent', at(2_900)],
  ]
  for (const [type, data] of events) {
    await system.webhook(type, emailId, data)
    await until(async () => (await system.db.event.count({ where: { appliedAt: null } })) === 0)
  }
  await system.db.escalation.create({
    data: {
      id: 'esc_invitation',
      provider: 'aisend',
      emailId,
      reason: 'stalled',
      state: 'resolved',
      detail: 'The provider was asked, and reports no delivery.',
      openedAt: new Date(start + 10 * minuteMs),
      acknowledgedAt: new Date(start + 12 * minuteMs),
      acknowledgedBy: 'grace',
      resolvedAt: new Date(start + 16.02 * minuteMs),
      resolvedBy: 'delivered',
      notices: 1,
    },
  })
}

/** An email that reaches one recipient, bounces at another, and is refused for the sender's fault at the third. */
async function simulateThreeRecipients(system: WholeSystem): Promise<void> {
  const start = Date.now() - 90 * minuteMs
  const to = ['ada@example.com', 'grace@example.org', 'alan@example.net']
  const at = (ms: number, more: object = {}) => ({
    ...{ created_at: new Date(start + ms).toISOString(), to, subject: 'Minutes of the review' },
    ...more,
  })
  const refused = (recipient: string, code: string, message: string) => ({
    recipient,
    bounce: { type: 'hard', code, message },
  })
  const events: [string, Record<string, unknown>][] = [
    ['queued', at(0)],
    ['sent', at(900)],
    ['delivered', at(2_300, { recipient: to[0] })],
    ['bounced', at(2_900, refused('grace@example.org', '5.1.1', '550 5.1.1 <grace@example.org>: user unknown'))],
    [
      'bounced',
      at(
        3_400,
        refused('alan@example.net', '5.7.26', '550 5.7.26 Unauthenticated email is not accepted due to DMARC policy'),
      ),
    ],
    [
      'opened',
      at(20 * minuteMs, {
        recipient: to[0],
        user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Thunderbird/128.4.0',
      }),
    ],
  ]
  for (const [type, data] of events) {
    await system.webhook(type, 'em_review', data)
    await until(async () => (await system.db.event.count({ where: { appliedAt: null } })) === 0)
  }
}
