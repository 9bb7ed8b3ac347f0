/** The periodic search for overdue emails, on any worker; as `src/db/overdue-emails.ts`. */
import { escalationIdOf } from '../../src/db/escalations.ts'
import type { EscalationReason } from '../../src/domain/escalation.ts'
import type { EmailKey } from '../../src/domain/events.ts'
import { isSettled } from '../../src/domain/lifecycle.ts'
import { workflowsOf } from './fake-inbox.ts'
import type { EmailRow, EscalationRow } from './fake-tables.ts'
import { policy, type World } from './world.ts'

const everyMs = 60_000
const graceMs = 20_000
/** Small, so that there is more than one page. */
const pageSize = 2

interface Found extends EmailKey {
  readonly at: number
}

/** What a search reads. */
type Searched = Pick<World, 'database' | 'channels'>

type Search = (world: Searched, dueBefore: number) => Found[]

const hasEscalation = ({ database: { tables } }: Searched, email: EmailRow, reason: EscalationReason): boolean =>
  tables.escalations.has(escalationIdOf(email, reason))

const emails = ({ database: { tables } }: Searched): EmailRow[] => [...tables.emails.values()]
const escalations = ({ database: { tables } }: Searched): [string, EscalationRow][] => [...tables.escalations]

export const searches: Readonly<Record<string, Search>> = {
  urgent: (world, dueBefore) =>
    emails(world).flatMap(({ snapshot, ...email }) => {
      const row = { snapshot, ...email }
      const isRefused = snapshot.bounce?.class === 'hard'
      const at = Math.max(snapshot.bounce?.at ?? 0, snapshot.complainedAt ?? 0)
      const isMissing =
        (isRefused && !hasEscalation(world, row, 'critical_bounce')) ||
        (snapshot.complainedAt !== null && !hasEscalation(world, row, 'critical_complaint'))
      return snapshot.priority === 'critical' && at < dueBefore && isMissing ? [{ ...row, at }] : []
    }),
  undelivered: (world, dueBefore) =>
    escalations(world)
      .filter(([, { escalation, noticedAt }]) => escalation.state !== 'resolved' && noticedAt < dueBefore)
      .filter(([id, { escalation }]) => undeliveredOn(world, id, escalation.notices).length > 0)
      .map(([, row]) => ({ ...row, at: row.noticedAt })),
  noticesDue: (world, dueBefore) =>
    escalations(world).flatMap(([, row]) => {
      const at = row.escalation.nextNoticeAt
      return at !== null && at < dueBefore ? [{ ...row, at }] : []
    }),
  mootStalls: (world, dueBefore) =>
    escalations(world).flatMap(([, row]) => {
      const email = emails(world).find(({ emailId }) => emailId === row.emailId)
      const isMoot = email !== undefined && (email.snapshot.settledReceivedAt ?? dueBefore) < dueBefore
      const { reason, state, openedAt: at } = row.escalation
      return reason === 'stalled' && state !== 'resolved' && isMoot ? [{ ...row, at }] : []
    }),
  stalled: (world, dueBefore) =>
    emails(world).flatMap((row) => {
      const { firstReceivedAt: at, priority } = row.snapshot
      const isLate = at !== null && at < dueBefore - policy.stallAfterMs[priority] && !isSettled(row.snapshot)
      return isLate && !hasEscalation(world, row, 'stalled') ? [{ ...row, at }] : []
    }),
}

/** The channels that have not accepted this notice. */
export const undeliveredOn = (
  { database: { tables }, channels }: Searched,
  escalationId: string,
  notice: number,
): string[] =>
  channels.map(({ name }) => name).filter((name) => !tables.notifications.has(`${escalationId}.${notice}.${name}`))

export function searchPeriodically(world: World): void {
  world.scheduler.after(null, everyMs, () => {
    searchPeriodically(world)
    void search(world).catch(() => {})
  })
}

/** Runs each search, page by page. */
async function search(world: World): Promise<void> {
  const worker = world.workers.find(({ process }) => process.isAlive)
  if (!worker) return
  const emailWorkflows = workflowsOf(worker.process, world.inboxWorld)
  const dueBefore = world.scheduler.now - graceMs
  for (const [name, find] of Object.entries(searches)) {
    if (world.disabledSearches.has(name)) continue
    for (let after: Found | null = null; ; ) {
      const page: Found[] = await world.networks.applying.call(worker.process, 5_000, () =>
        pageOf(find(world, dueBefore), after),
      )
      for (const { provider, emailId } of page) await emailWorkflows.ensureStarted({ provider, emailId }, null)
      after = page[pageSize - 1] ?? null
      if (after === null || !world.readsAllPages) break
    }
  }
}

function pageOf(found: readonly Found[], after: Found | null): Found[] {
  const isBefore = (a: Found, b: Found) => a.at < b.at || (a.at === b.at && a.emailId < b.emailId)
  const left = found.filter((row) => after === null || isBefore(after, row))
  return left.sort((a, b) => (isBefore(a, b) ? -1 : 1)).slice(0, pageSize)
}
