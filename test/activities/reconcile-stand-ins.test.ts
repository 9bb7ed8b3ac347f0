import assert from 'node:assert/strict'
import { createProviderListActivities } from '../../src/activities/provider-list-activities.ts'
import { createReconcileActivities } from '../../src/activities/reconcile-activities.ts'
import { insertEvents } from '../../src/db/events.ts'
import { isEngagement, type ProviderEventType, type ReceivedEvent } from '../../src/domain/events.ts'
import { providerNamed } from '../../src/providers/registry.ts'
import type { SignedRequest } from '../../src/providers/sample.ts'
import { type PlannedEmail, planEmails, planFor } from '../../src/simulator/plan.ts'
import { fillStandIn } from '../../src/simulator/played-stand-in.ts'
import { withFaults } from '../../src/simulator/provider-faults.ts'
import { standInDomain } from '../../src/stand-ins/mailgun.ts'
import { standIns } from '../../src/stand-ins/registry.ts'
import type { ProviderStandIn } from '../../src/stand-ins/stand-in.ts'
import { adapterOf } from '../providers/adapter.ts'
import { useDatabase } from '../stack.ts'
import { onAttempt } from './attempt.ts'

const minuteMs = 60_000
const emailCount = 24

/** What two records of an event have in common. */
interface Facts {
  readonly emailId: string
  readonly type: string
  readonly recipient: string | null
  readonly occurredAt: Date | number
}

/** The providers with a record of all emails, each with the form of its email IDs. */
const comparable: Readonly<Record<string, (n: number) => string>> = {
  sendgrid: (n) => `14c5d75ce93.dfd.64b${String(n).padStart(4, '0')}`,
  mailgun: (n) => `20261130100000.${n}.ABC@mg.example.com`,
  resend: (n) => `4ef9a417-02e9-4d39-ad75-${String(n).padStart(12, '0')}`,
  sparkpost: (n) => `65832150921${String(n).padStart(6, '0')}`,
  brevo: (n) => `20261130100000.${n}@smtp-relay.mailin.fr`,
  scaleway: (n) => `d4fbec9d-eed9-44d5-af47-${String(n).padStart(12, '0')}`,
  lettermint: (n) => `7c3e1b0a-52f4-4c1d-9f3a-${String(n).padStart(12, '0')}`,
  postmark: (n) => `0a129aee-e1cd-480d-b08d-${String(n).padStart(12, '0')}`,
}

/** Brevo's record and its webhooks share no identity of a delay. */
const withoutDelays = (email: PlannedEmail): PlannedEmail => ({
  ...email,
  events: email.events.filter(({ bounce }) => bounce?.isOver !== false),
})

/** Whose record has other IDs than its webhooks, and names none of several recipients. */
const namesNoIds = ['lettermint']

for (const [provider, idOf] of Object.entries(comparable)) {
  describe(`reconciling with the stand-in for ${provider}`, () => {
    const { db } = useDatabase('events, emails, reconciliations, suppressions')
    let standIn: ProviderStandIn
    let now: number

    beforeEach(async () => {
      now = Date.now()
      const started = await standIns[provider]?.start({})
      assert.ok(started)
      standIn = started
    })
    afterEach(() => standIn.close())

    /** Emails that were sent and delivered. */
    const addEmails = () => {
      const types = providerNamed(provider)?.eventTypes ?? []
      const life = (['sent', 'delivered'] as const).filter((type: ProviderEventType) => types.includes(type))
      for (let n = 0; n < emailCount; n++) {
        const [emailId, recipient] = [idOf(n), `person-${n}@example.com`]
        standIn.addEmail({ emailId, to: [recipient], subject: 'Your order' })
        for (const [step, type] of life.entries())
          standIn.addEvent(emailId, { type, recipient, at: now - (100 - n - step) * minuteMs })
      }
    }
    const eventsIn = ({ body, headers }: SignedRequest): ReceivedEvent[] =>
      adapterOf(provider).parse(Buffer.from(body), now, headers)
    /** What the webhooks become; the others are lost. */
    const received = (isLost: (index: number) => boolean): ReceivedEvent[] =>
      standIn
        .webhooks()
        .filter((_, index) => !isLost(index))
        .flatMap(eventsIn)
    const store = (events: readonly ReceivedEvent[]) =>
      insertEvents(
        db,
        events.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
        () => false,
      )
    const api = () => {
      const { apiUrl, apiKey } = standIn
      const options = { apiUrl, apiKey, timeoutMs: 5_000, domains: [standInDomain] }
      const created = providerNamed(provider)?.createApi?.(options)
      assert.ok(created?.history && created.suppressionLists)
      // The pace is that of the provider's own limit, which the stand-in does not have.
      const history = { ...created.history, requestsPerSecond: 1_000, delayMs: 0 }
      return { ...created, history, suppressionLists: { ...created.suppressionLists, requestsPerSecond: 1_000 } }
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
      addEmails()
      const all = received(() => false)
      const truth = all.map(({ emailId, type }) => `${emailId} ${type}`).sort()
      assert.ok(truth.length >= emailCount)
      const arrived = received((index) => index % 5 === 0)
      await store(arrived)
      const { missing } = await reconcile()
      assert.equal(missing, truth.length - arrived.length)
      assert.deepEqual(await stored(), truth)
      // The lost webhooks come after all, and all others a second time.
      assert.equal((await store(all)).length, namesNoIds.includes(provider) ? missing : 0)
      assert.equal((await reconcile()).missing, 0)
    })

    it('finds emails that nobody registered, when no webhook came at all, though the provider fails now and then', async () => {
      addEmails()
      const truth = received(() => false)
        .map(({ emailId, type }) => `${emailId} ${type}`)
        .sort()
      standIn.setFaults({ failEvery: 7 })
      await reconcile()
      assert.deepEqual(await stored(), truth)
    })

    if (namesNoIds.includes(provider)) return
    it('differs in nothing after webhooks were lost, repeated and out of order while it reconciled', async () => {
      const entry = providerNamed(provider)
      assert.ok(entry)
      const { timeResolutionMs } = entry.sampleFormat
      const form = { emails: 40, rate: 1_000, seed: 7, speed: 600, run: 'faults', timeResolutionMs }
      const planned = planFor(entry, planEmails({ ...form, emailIdOf: (key) => idOf(Number(key.split('-').at(-1))) }))
      const faults = { lose: 0.05, duplicate: 0.05, reorder: true, outageMs: 0 }
      const plan = withFaults(provider === 'brevo' ? planned.map(withoutDelays) : planned, faults, form)
      const webhookOf = fillStandIn(standIn, plan, Math.floor(now / 1_000) * 1_000 - 60 * minuteMs)
      const posts = plan
        .flatMap(({ startsAfterMs, events }) =>
          events.flatMap((event) => event.postsAfterMs.map((after) => ({ event, at: startsAfterMs + after }))),
        )
        .sort((one, other) => one.at - other.at)
      const post = async () => {
        for (const { event } of posts) await store(eventsIn(webhookOf(event)))
      }
      await Promise.all([post(), reconcile()])
      await reconcile()

      const factsOf = ({ emailId, type, recipient, occurredAt }: Facts) =>
        [emailId, type, recipient, Number(occurredAt)].join(' ')
      const truth = standIn.webhooks().flatMap(eventsIn)
      const engagements = posts.flatMap(({ event }) => (event.engagement ? eventsIn(webhookOf(event)) : []))
      const rows = await db.event.findMany({ where: { provider } })
      const expected = new Set(truth.filter((event) => !isEngagement(event)).map(factsOf))
      assert.deepEqual(new Set(rows.filter((row) => !isEngagement(row)).map(factsOf)), expected)
      const counted = rows.filter(isEngagement).map(factsOf)
      assert.deepEqual(counted.sort(), [...new Set(engagements.map(factsOf))].sort(), 'opens and clicks count once')
      assert.equal(new Set(rows.map(({ eventId }) => eventId)).size, rows.length)
      assert.ok(posts.length > engagements.length && expected.size > plan.length)

      await standIn.suppress('elsewhere@example.com', 'hard_bounce')
      const lists = createProviderListActivities({ db, providerApis: new Map([[provider, api()]]), clock: Date.now })
      await onAttempt(1, () => lists.mergeSuppressions({ provider }))
      const suppressing = plan.flatMap(({ events }) =>
        events.filter(({ type, recipient, failure }) => recipient && (type === 'complained' || failure?.suppresses)),
      )
      const addresses = suppressing.map(({ recipient }) => String(recipient).toLowerCase())
      const listed = await db.suppression.findMany({ where: { removedAt: null } })
      assert.deepEqual(
        listed.map(({ address }) => address).sort(),
        [...new Set([...addresses, 'elsewhere@example.com'])].sort(),
      )
    })
  })
}
