import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { createDatabase } from '../../src/db/database.ts'
import { readEventMonths } from '../../src/db/event-months.ts'
import { insertEvents } from '../../src/db/events.ts'
import { applyMigrations } from '../../src/db/migrate.ts'
import { registerEmail } from '../../src/db/registrations.ts'
import { anyFreePort } from '../../src/embedded/free-port.ts'
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { startPostgres } from '../../src/embedded/postgres.ts'
import { writeRunning } from '../../src/embedded/running.ts'
import { startStudio, stopStudios } from '../embedded/studio-process.ts'
import { receivedEvent } from '../received-event.ts'
import { temporaryFolder } from '../stack.ts'
import { until } from '../until.ts'
import { startBrowser } from './chromium.ts'

describe('Prisma Studio in a browser', function () {
  this.timeout(60_000)
  let browser: Browser | null
  let postgres: EmbeddedPostgres | undefined
  let url: string
  /** The partition of the current month. */
  let currentMonth: string

  before(async function () {
    this.timeout(500_000)
    browser = await startBrowser()
    if (browser === null) return this.skip()
    const dataDir = await temporaryFolder()
    const silent = (): void => {}
    postgres = await startPostgres({ dataDir, report: silent, durable: false })
    await applyMigrations({ databaseUrl: postgres.url })
    await store(postgres.url)
    const rest = { apiUrl: null, temporalAddress: '127.0.0.1:1', webUiUrl: null, pid: process.pid }
    await writeRunning(dataDir, { databaseUrl: postgres.url, ...rest })
    const { output } = await startStudio(dataDir, ['--port', String(await anyFreePort())])
    await until(() => output().includes('Ctrl-C'))
    url = /http:\S+/.exec(output())?.[0] ?? assert.fail(output())
  })
  after(async () => {
    await browser?.close()
    stopStudios()
    await postgres?.stop()
  })

  /** An email, and an event of another one; no workflow runs. */
  async function store(databaseUrl: string): Promise<void> {
    const db = createDatabase({ url: databaseUrl })
    const registration = { to: ['a@example.com'], subject: null, tags: null, priority: null, as: 'sent' as const }
    await registerEmail(db, { provider: 'aisend', emailId: 'em_shown', ...registration }, receivedEvent({ id: 'reg' }))
    await insertEvents(db, [receivedEvent({ id: 'evt_shown' })])
    const months = await readEventMonths(db)
    currentMonth =
      months.find(({ until }) => until.getTime() > Date.now())?.name ?? assert.fail('no partition for this month')
    await db.$disconnect()
  }

  it('opens the emails, lists the monthly partitions of events, and shows their rows', async () => {
    assert(browser)
    const page = await browser.newPage()
    await page.route(
      ({ hostname }) => hostname !== 'localhost',
      (route) => route.abort(),
    )
    await page.goto(url)
    await page.getByText('em_shown').first().waitFor()
    await page.getByRole('link', { name: currentMonth, exact: true }).click()
    await page.getByText('evt_shown').first().waitFor()
  })
})
