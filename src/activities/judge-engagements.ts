/** Judges opens and clicks a second time, with all events of their email, for each email that has changed since. */
import { logStart } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import {
  type ChangedEngagement,
  cursorAt,
  readChangedAfter,
  readEngagements,
  readJudgeCursor,
  writeJudgeCursor,
  writeVerdicts,
} from '../db/engagements.ts'
import { judgeEngagements } from '../domain/engagement-policy.ts'
import type { EmailKey } from '../domain/events.ts'
import { evidenceIn } from '../providers/engagement-evidence.ts'

/** Changes per page. An email with several changes in a page is judged once. */
const pageSize = 500

/**
 * Judges the opens and clicks of changed emails, and stores the verdicts. Idempotent: a verdict depends on the email's events
 * alone, and an email whose events change is judged again. The position is stored after each page, so that the next call continues
 * where this one failed or stopped.
 * @param shouldContinue called after each page.
 */
export async function judgeChangedEngagements(db: Database, shouldContinue: () => boolean = () => true): Promise<void> {
  const places = await readJudgeCursor(db)
  for (let after = logStart; ; ) {
    const changes = await readChangedAfter(db, places, after, pageSize)
    const engaged = new Map(
      changes
        .filter(({ isEngaged }) => isEngaged)
        .map((change) => [JSON.stringify([change.provider, change.emailId]), change]),
    )
    if (engaged.size > 0) await judge(db, [...engaged.values()])
    const last = changes.at(-1)
    if (!last || changes.length < pageSize) return void (await writeJudgeCursor(db, places.until))
    after = last
    await writeJudgeCursor(db, cursorAt(after, places.until))
    if (!shouldContinue()) return
  }
}

async function judge(db: Database, emails: readonly EmailKey[]): Promise<void> {
  const byEmail = new Map<string, ChangedEngagement[]>()
  for (const engagement of await readEngagements(db, emails)) {
    const email = JSON.stringify([engagement.provider, engagement.emailId])
    const known = byEmail.get(email)
    if (known) known.push(engagement)
    else byEmail.set(email, [engagement])
  }
  const judged = [...byEmail.values()].map(verdictsOf)
  const verdicts = judged.flatMap((found) => found.verdicts)
  const changed = judged.filter(({ isChanged }) => isChanged).map(({ email }) => email)
  if (verdicts.length + changed.length > 0) await writeVerdicts(db, verdicts, changed)
}

/** The verdicts on one email's engagements that differ from the stored ones. */
function verdictsOf(engagements: readonly ChangedEngagement[]) {
  const [first] = engagements as [ChangedEngagement, ...ChangedEngagement[]]
  const reasons = judgeEngagements(
    first.deliveredAt?.getTime() ?? null,
    engagements.map(({ id, type, occurredAt, payload, machineReason }) => ({
      id,
      type,
      occurredAt: occurredAt.getTime(),
      knownReason: machineReason,
      ...evidenceIn(payload),
    })),
  )
  const countOf = (type: ChangedEngagement['type']) =>
    engagements.filter((engagement) => engagement.type === type && engagement.human && reasons.has(engagement.id))
      .length
  const { provider, emailId } = first
  const email = { provider, emailId, opens: countOf('opened'), clicks: countOf('clicked') }
  return {
    verdicts: engagements
      .map(({ id, receivedAt, machineReason }) => ({
        provider,
        id,
        receivedAt,
        machineReason,
        reason: reasons.get(id) ?? null,
      }))
      .filter(({ machineReason, reason }) => reason !== machineReason),
    email,
    isChanged: email.opens !== first.opensJudged || email.clicks !== first.clicksJudged,
  }
}
