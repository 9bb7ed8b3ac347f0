import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { compareLists } from '../../src/activities/list-steps.ts'
import { createReconcileActivities } from '../../src/activities/reconcile-activities.ts'
import { erasedKeyOf } from '../../src/db/erased-address.ts'
import { addManualSuppression, removeSuppression } from '../../src/db/suppressions.ts'
import type { AuditStatement } from '../../src/domain/agreement.ts'
import type { ReconciliationKind } from '../../src/domain/reconciliation.ts'
import { EmailRefusedError, type ListPage, type SuppressionLists } from '../../src/providers/provider-api.ts'
import { providerNamed } from '../../src/providers/registry.ts'
import { standInDomain, startMailgunStandIn } from '../../src/stand-ins/mailgun.ts'
import { startPostmarkStandIn } from '../../src/stand-ins/postmark.ts'
import { startResendStandIn } from '../../src/stand-ins/resend.ts'
import { startSendgridStandIn } from '../../src/stand-ins/sendgrid.ts'
import { startSesStandIn } from '../../src/stand-ins/ses.ts'
import type { ProviderStandIn } from '../../src/stand-ins/stand-in.ts'
import { useDatabase } from '../stack.ts'
import { onAttempt } from './attempt.ts'

const providers: Readonly<Record<string, () => Promise<ProviderStandIn>>> = {
  sendgrid: startSendgridStandIn,
  mailgun: startMailgunStandIn,
  resend: startResendStandIn,
  postmark: startPostmarkStandIn,
  ses: startSesStandIn,
}
const [ada, bob, cyd, dan] = ['ada', 'bob', 'cyd', 'dan'].map((name) => `${name}@example.com`) as [
  ...[string, string, string, string],
]

for (const [provider, start] of Object.entries(providers)) {
  describe(`our suppression list and that of the stand-in for ${provider}`, () => {
    const { db } = useDatabase('suppressions, reconciliations, listed_addresses, audit_differences')
    let standIn: ProviderStandIn
    let lists: SuppressionLists
    before(async () => {
      standIn = await start()
      const { apiUrl, apiKey } = standIn
      const api = providerNamed(provider)?.createApi?.({
        ...{ apiUrl, apiKey, domains: [standInDomain], timeoutMs: 5_000 },
        ...('keyId' in standIn && { keyId: String(standIn.keyId), region: 'eu-west-1' }),
      })
      assert.ok(api?.suppressionLists)
      // The pace is that of the provider's own limit, which the stand-in does not have.
      lists = { ...api.suppressionLists, requestsPerSecond: 10_000 }
    })
    after(() => standIn.close())

    const run = async (kind: ReconciliationKind, isDryRun = false) => {
      const id = `rec_${randomUUID()}`
      const window = { from: new Date(Date.now() - 1_000), to: new Date() }
      await db.reconciliation.create({ data: { id, provider, kind, ...window, isDryRun, startedBy: 'eve' } })
      const { reconcileNext } = createReconcileActivities({
        ...{ db, clock: Date.now, startReconcile: async () => true },
        providerApis: new Map([[provider, { suppressionLists: lists }]]),
      })
      assert.equal((await onAttempt(1, () => reconcileNext({ provider }))).isDone, true)
      const { statement, finishedAt } = await db.reconciliation.findUniqueOrThrow({ where: { id } })
      assert.ok(finishedAt)
      return (statement as unknown as AuditStatement).addresses
    }
    const theirs = async () => {
      const addresses: string[] = []
      let cursor: string | null = null
      do {
        const page: Awaited<ReturnType<typeof lists.read>> = await lists.read(cursor)
        addresses.push(...page.entries.map(({ address }) => address))
        cursor = page.next
      } while (cursor !== null)
      return [...new Set(addresses)].sort()
    }
    const ours = async () =>
      (await db.suppression.findMany({ where: { removedAt: null } })).map(({ address }) => address).sort()

    it('agree after what a person asks for, and not without', async () => {
      standIn.suppress(ada, 'hard_bounce')
      await addManualSuppression(db, 'default', bob)
      await db.suppression.create({ data: { address: cyd, reason: 'complaint', provider } })
      const erased = erasedKeyOf(db, dan) ?? ''
      await db.suppression.create({ data: { address: erased, reason: 'hard_bounce' } })

      const lacking = { added_by_hand: 1, not_pushed: 1, erased_here: 1 }
      assert.deepEqual(await run('audit', true), {
        ...{ compared: 4, equal: 0, healed: 0 },
        different: { ...lacking, missing_here: 1 },
      })
      assert.deepEqual(await run('audit'), { compared: 4, equal: 0, healed: 1, different: lacking })
      assert.deepEqual(await theirs(), [ada])

      const left = { erased_here: 1 }
      assert.deepEqual(await run('push', true), { compared: 4, equal: 1, healed: 2, different: left })
      assert.deepEqual(await theirs(), [ada])
      assert.deepEqual(await run('push'), { compared: 4, equal: 1, healed: 2, different: left })
      assert.deepEqual(await theirs(), [ada, bob, cyd])
      assert.deepEqual(await run('push'), { compared: 4, equal: 3, healed: 0, different: left })
      assert.deepEqual(await run('audit'), { compared: 4, equal: 3, healed: 0, different: left })
    })

    it('take over removals of the other side only when a person asks, with who asked', async () => {
      await db.suppression.createMany({
        data: [bob, cyd].map((address) => ({ address, reason: 'manual', addedBy: 'provider list', provider })),
      })
      await lists.writing?.add([bob, cyd].map((address) => ({ address, reason: 'manual' })))
      await run('audit')
      await lists.writing?.remove([bob])
      await removeSuppression(db, 'default', cyd)

      const gone = { removed_at_provider: 1, removed_here: 1 }
      const audited = await run('audit')
      assert.deepEqual(audited?.different, gone)
      assert.deepEqual(await run('pull_removals', true), { compared: 2, equal: 1, healed: 1, different: {} })
      assert.ok((await ours()).includes(bob))
      assert.deepEqual(await run('pull_removals'), { compared: 2, equal: 1, healed: 1, different: {} })
      const { removedBy, removalNote } = await db.suppression.findFirstOrThrow({ where: { address: bob } })
      assert.equal(removedBy, 'eve')
      assert.match(removalNote ?? '', new RegExp(`No longer on the list of ${provider} \\(rec_`))

      assert.equal((await run('push_removals'))?.healed, 1)
      assert.ok(!(await theirs()).includes(cyd))
      assert.deepEqual((await run('audit'))?.different, {})
    })
  })
}

describe('a suppression list of which the API answers a part', () => {
  const { db } = useDatabase('suppressions, reconciliations, listed_addresses')

  it('has not lost what is left out', async () => {
    const provider = 'sendgrid'
    await db.suppression.create({ data: { address: ada, reason: 'hard_bounce', addedBy: 'provider list', provider } })
    const times = { from: new Date(0), to: new Date() }
    const run = await db.reconciliation.create({ data: { id: 'rec_part', provider, kind: 'audit', ...times } })
    const differencesFrom = async (page: ListPage) => {
      const api = { suppressionLists: { requestsPerSecond: 10_000, read: async () => page } }
      const dependencies = {
        ...{ db, clock: Date.now, startReconcile: async () => true },
        providerApis: new Map([[provider, api]]),
      }
      const { differences } = await onAttempt(1, () => compareLists({ dependencies, api, run }))
      return differences.map(({ reason }) => reason)
    }
    assert.deepEqual(
      await differencesFrom({ entries: [{ address: ada, reason: 'hard_bounce', since: null }], next: null }),
      [],
    )
    assert.deepEqual(await differencesFrom({ entries: [], next: null, isPartial: true }), [])
    assert.deepEqual(await differencesFrom({ entries: [], next: null }), ['removed_at_provider'])
  })
})

describe('pushing a suppression list', () => {
  const { db } = useDatabase('suppressions, reconciliations, listed_addresses')
  const added: string[] = []
  let failAt = Number.POSITIVE_INFINITY
  let failure: Error = new Error('no answer')
  const lists: SuppressionLists = {
    requestsPerSecond: 10_000,
    read: async () => ({ entries: [], next: null }),
    writing: {
      addressesPerCall: 2,
      async add(entries) {
        if (added.length >= failAt) throw failure
        added.push(...entries.map(({ address }) => address))
        return 1
      },
      remove: async () => 1,
    },
  }
  const { reconcileNext } = createReconcileActivities({
    get db() {
      return db
    },
    ...{ clock: Date.now, startReconcile: async () => true },
    providerApis: new Map([['sendgrid', { suppressionLists: lists }]]),
  })
  const next = () => onAttempt(1, () => reconcileNext({ provider: 'sendgrid' }))

  it('goes on after the last page that was added, and ends with the reason when a request is refused', async () => {
    const addresses = Array.from({ length: 6 }, (_, index) => `person-${index}@example.com`)
    await db.suppression.createMany({ data: addresses.map((address) => ({ address, reason: 'hard_bounce' })) })
    const window = { from: new Date(0), to: new Date() }
    await db.reconciliation.create({ data: { id: 'rec_push', provider: 'sendgrid', kind: 'push', ...window } })
    failAt = 4
    await assert.rejects(next())
    failAt = Number.POSITIVE_INFINITY
    assert.equal((await next()).isDone, true)
    assert.deepEqual(added, addresses)
    const done = await db.reconciliation.findUniqueOrThrow({ where: { id: 'rec_push' } })
    assert.equal((done.statement as unknown as AuditStatement).addresses?.healed, 6)

    await addManualSuppression(db, 'default', ada)
    await db.reconciliation.create({ data: { id: 'rec_refused', provider: 'sendgrid', kind: 'push', ...window } })
    failAt = 0
    failure = new EmailRefusedError('SendGrid refuses the request with 400', 400)
    await assert.rejects(next())
    const refused = await db.reconciliation.findUniqueOrThrow({ where: { id: 'rec_refused' } })
    assert.equal(refused.failure, 'SendGrid refuses the request with 400')
  })
})
