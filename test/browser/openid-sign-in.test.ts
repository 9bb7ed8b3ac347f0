import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { createOpenIdProvider } from '../../src/dashboard/openid.ts'
import { anyFreePort } from '../../src/embedded/free-port.ts'
import { clientId, clientSecret, OpenIdStandIn } from '../dashboard/openid-stand-in.ts'
import { serveDashboard, type Visited } from '../dashboard/visitor.ts'
import { useDatabase } from '../stack.ts'
import { startBrowser } from './chromium.ts'

describe('signing in by OpenID Connect in a browser', function () {
  this.timeout(60_000)
  const { db } = useDatabase()
  // Another site than the dashboard, whose cookies are SameSite.
  const provider = new OpenIdStandIn('localhost')
  let browser: Browser | null
  let visited: Visited

  before(async function () {
    this.timeout(500_000)
    browser = await startBrowser()
    if (browser === null) return this.skip()
    await provider.start()
    provider.asksPerson = true
    provider.claims = { sub: 'user-1', name: 'Ada Lovelace', groups: ['helpdesk'] }
    const port = await anyFreePort()
    const { issuer } = provider
    const openId = {
      ...{ issuer, clientId, clientSecret, publicUrl: `http://127.0.0.1:${port}` },
      ...{ scopes: 'openid', rolesClaim: 'groups', roles: { support: ['helpdesk'] } },
    }
    visited = await serveDashboard(
      { db, signIn: { withKeys: true, openId: createOpenIdProvider(openId, Date.now) } },
      port,
    )
  })
  after(async () => {
    await browser?.close()
    await visited?.stop()
    await provider.stop().catch(() => {})
  })

  for (const javaScriptEnabled of [true, false]) {
    it(`leads to the requested page, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
      const context = await browser?.newContext({ javaScriptEnabled })
      const page = await context?.newPage()
      assert.ok(context && page)
      const errors: string[] = []
      page.on('console', (message) => {
        const isOurs = message.location().url.startsWith(visited.served.url)
        if (isOurs && message.type() === 'error') errors.push(message.text())
      })
      await page.goto(`${visited.served.url}/suppressions`)
      await page.getByRole('link', { name: `Sign in at localhost:${provider.port}` }).click()
      // From here, the browser comes from another site.
      await page.getByRole('link', { name: 'Allow' }).click()
      await page.getByRole('heading', { name: 'Suppressions' }).waitFor()
      await page.getByText('Ada Lovelace').waitFor()
      assert.equal(await page.getByText('Import CSV').count(), 1)
      const cookies = (await context.cookies()).map(({ name, sameSite, httpOnly }) => [name, sameSite, httpOnly])
      assert.deepEqual(cookies, [['aftersend-session', 'Strict', true]])
      assert.deepEqual(errors, [])
      await context.close()
    })
  }
})
