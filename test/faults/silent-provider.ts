/** A provider of which no webhook came: everything must be found by reconciling. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { settingsFor } from '../../src/stand-ins/registry.ts'
import { startSendgridStandIn } from '../../src/stand-ins/sendgrid.ts'
import { until } from '../until.ts'
import { callApi } from './calls.ts'
import type { Rig } from './rig.ts'

const [emailCount, messagesPerPage, minuteMs] = [80, 10, 60_000]
/** Of a run that starts again from the beginning, more are read a second time than a kill may cost. */
const [pagesBeforeKill, pagesPerKill] = [4, 4]

export async function startSilentProvider() {
  const standIn = await startSendgridStandIn()
  const run = randomUUID()
  const reads = () => standIn.requests.filter(({ path }) => path.startsWith('/v3/logs/')).length
  let found = { id: '', readAtKill: 0 }

  return {
    settings: settingsFor('sendgrid', standIn),
    close: standIn.close,

    /** Resolves when some pages of the provider's record are compared, and others are not. */
    async reconcileInTheMiddle({ apis, db }: Rig): Promise<void> {
      for (let n = 0; n < emailCount; n++) {
        const [emailId, recipient, at] = [`em-${run}-${n}`, `person-${n}@example.com`, Date.now() - (60 + n) * minuteMs]
        standIn.addEmail({ emailId, to: [recipient], subject: 'Your order', sentAt: at })
        standIn.addEvent(emailId, { type: 'sending', recipient, at })
        standIn.addEvent(emailId, { type: 'delivered', recipient, at: at + 2_000 })
      }
      // A busy machine answers 503, and may have stored the run.
      const ask = () => callApi(String(apis.at(-1)?.url), 'POST', '/reconciliations', { provider: 'sendgrid' })
      const started = () => db.reconciliation.findFirst({ where: { provider: 'sendgrid', startedBy: { not: null } } })
      await until(async () => (await started()) !== null || (await ask().catch(() => null)) !== null)
      await until(() => reads() > pagesBeforeKill * messagesPerPage)
      found = { id: (await started())?.id ?? '', readAtKill: reads() }
    },

    /**
     * All events are stored once and applied. A kill of PostgreSQL, Temporal or one of the two workers costs the page that is compared at
     * that moment.
     */
    async assertFound({ db }: Rig, kills: number): Promise<void> {
      assert.ok(found.readAtKill < emailCount, 'the kill was in the middle')
      await until(async () => {
        const row = await db.reconciliation.findUnique({ where: { id: found.id } })
        return row?.finishedAt !== null
      })
      const events = { emailId: { startsWith: `em-${run}` } }
      await until(async () => (await db.event.count({ where: { ...events, appliedAt: null } })) === 0)
      assert.equal(await db.event.count({ where: events }), 2 * emailCount)
      assert.equal(
        await db.email.count({ where: { id: { startsWith: `em-${run}` }, status: 'delivered' } }),
        emailCount,
      )
      assert.ok(reads() <= emailCount + pagesPerKill * messagesPerPage * kills, `${reads()} messages were read`)
    },
  }
}
