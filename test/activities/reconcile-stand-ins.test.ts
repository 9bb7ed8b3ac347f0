import assert from 'node:assert/strict'
import { createReconcileActivities } from '../../src/activities/reconcile-activities.ts'
import { insertEvents } from '../../src/db/events.ts'
import type { ProviderEventType, ReceivedEvent } from '../../src/domain/events.ts'
import { providerNamed } from '../../src/providers/registry.ts'
import { startMailgunStandIn } from '../../src/stand-ins/mailgun.ts'
import { startPostmarkStandIn } from '../../src/stand-ins/postmark.ts'
import { startResendStandIn } from '../../src/stand-ins/resend.ts'
import { startSendgridStandIn } from '../../src/stand-ins/sendgrid.ts'
import type { ProviderStandIn } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from '../providers/adapter.ts'
import { useDatabase } from '../stack.ts'
import { onAttempt } from './attempt.ts'

const minuteMs = 60_000
const emailCount = 24

/** The providers with a record of all emails, each with the form of its email IDs. */
const standIns: Readonly<Record<string, { start: () => Promise<ProviderStandIn>; idOf: (n: number) => string }>> = {
  sendgrid: { start: startSendgridStandIn, idOf: (n) => `14c5d75ce93.dfd.64b${String(n).padStart(4, '0')}` },
  mailgun: { start: startMailgunStandIn, idOf: (n) => `20261130100000.${n}.ABC@mg.example.com` },
  resend: { start: startResendStandIn, idOf: (n) => `4ef9a417-02e9-4d39-ad75-${String(n).padStart(12, '0')}` },
  postmark: { start: startPostmarkStandIn, idOf: (n) => `0a129aee-e1cd-480d-b08d-${String(n).padStart(12, '0')}` },
}

for (const [provider, { start, idOf }] of Object.entries(standIns)) {
  describe(`reconciling with the stand-in for ${provider}`, () => {
    const { db } = useDatabase('events, emails, reconciliations')
    let standIn: ProviderStandIn
    let now: number

    beforeEach(async () => {
      now = Date.now()
      standIn = await start()
      const types = providerNamed(provider)?.eventTypes ?? []
      const life = (['sent', 'delivered'] as const).filter((type: ProviderEventType) => types.includes(type))
      for (let n = 0; n < emailCount; n++) {
        const [emailId, recipient] = [idOf(n), `person-${n}@example.com`]
        standIn.addEmail({ emailId, to: [recipient], subject: 'Your order' })
        for (const [step, type] of life.entries())
          standIn.addEvent(emailId, { type, recipient, at: now - (100 - n - step) * minuteMs })
      }
    })
    afterEach(() => standIn.close())

    /** What the webhooks become; the others are lost. */
    const received = (isLost: (index: number) => boolean): ReceivedEvent[] =>
      standIn
        .webhooks()
        .filter((_, index) => !isLost(index))
        .flatMap(({ body, headers }) => adapterOf(provider).parse(Buffer.from(body), now, headers))
    const store = (events: readonly ReceivedEvent[]) =>
      insertEvents(
        db,
        events.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        () => false,
      )
    const api = () => {
      const { apiUrl, apiKey } = standIn
      const created = providerNamed(provider)?.createApi?.({ apiUrl, apiKey, timeoutMs: 5_000 })
      assert.ok(created?.history)
      // The pace is that of the provider's own limit, which the stand-in does not have.
      return { history: { ...created.history, requestsPerSecond: 1_000, delayMs: 0 } }
    }
    const reconcile = async () => {
      const sum = { compared: 0, missing: 0 }
      const apis = new Map([[provider, api()]])
      const activities = createReconcileActivities({
        db,
        providerApis: apis,
        clock: Date.now,
        startReconcile: async () => true,
      })
      for (let isDone = false; !isDone; ) {
        const next = await onAttempt(1, () => activities.reconcileNext({ provider }))
        sum.compared += next.compared
        sum.missing += next.missing
        isDone = next.isDone
      }
      return sum
    }
    const stored = async () =>
      (await db.event.findMany({ where: { provider } })).map(({ emailId, type }) => `${emailId} ${type}`).sort()

    it('stores every event whose webhook was lost, once, and none of the others again', async () => {
      const all = received(() => false)
      const truth = all.map(({ emailId, type }) => `${emailId} ${type}`).sort()
      assert.ok(truth.length >= emailCount)
      const arrived = received((index) => index % 5 === 0)
      await store(arrived)
      const { missing } = await reconcile()
      assert.equal(missing, truth.length - arrived.length)
      assert.deepEqual(await stored(), truth)
      // The lost webhooks come after all, and all others a second time.
      assert.equal((await store(all)).length, 0)
      assert.equal((await reconcile()).missing, 0)
    })

    it('finds emails that nobody registered, when no webhook came at all, though the provider fails now and then', async () => {
      const truth = received(() => false)
        .map(({ emailId, type }) => `${emailId} ${type}`)
        .sort()
      standIn.setFaults({ failEvery: 7 })
      await reconcile()
      assert.deepEqual(await stored(), truth)
    })
  })
}
