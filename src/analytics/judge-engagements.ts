/** The second look at opens and clicks, over every email that has changed since the last one. */
import { readChanges } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import {
  type ChangedEngagement,
  readEngagements,
  readJudgedPlace,
  writeJudgedPlace,
  writeVerdicts,
} from '../db/engagements.ts'
import { judgeEngagements } from '../domain/engagement-policy.ts'
import { evidenceIn } from './engagement-evidence.ts'

/**
 * Judges the opens and clicks of changed emails again, and stores what it finds with them. Idempotent: a verdict depends
 * on the email's events alone, and an email whose events change is looked at again.
 * @param onProgress called after each page.
 */
export async function judgeChangedEngagements(db: Database, onProgress: () => void): Promise<void> {
  const { since, until } = await readJudgedPlace(db)
  for await (const emails of readChanges(db, since, until)) {
    const engaged = emails.filter(({ opens, clicks }) => opens.total + clicks.total > 0)
    await judge(
      db,
      await readEngagements(
        db,
        engaged.map(({ provider, id }) => ({ provider, emailId: id })),
      ),
    )
    onProgress()
  }
  await writeJudgedPlace(db, until)
}

async function judge(db: Database, engagements: readonly ChangedEngagement[]): Promise<void> {
  if (engagements.length === 0) return
  const byEmail = new Map<string, ChangedEngagement[]>()
  for (const engagement of engagements) {
    const email = JSON.stringify([engagement.provider, engagement.emailId])
    byEmail.set(email, [...(byEmail.get(email) ?? []), engagement])
  }
  const judged = [...byEmail.values()].map(verdictsOf)
  await writeVerdicts(
    db,
    judged.flatMap(({ verdicts }) => verdicts),
    judged.map(({ email }) => email),
  )
}

/** What is found of one email's engagements. */
function verdictsOf(engagements: readonly ChangedEngagement[]) {
  const [{ provider, emailId, deliveredAt }] = engagements as [ChangedEngagement, ...ChangedEngagement[]]
  const reasons = judgeEngagements(
    deliveredAt?.getTime() ?? null,
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
  return {
    verdicts: engagements.map(({ id }) => ({ provider, id, reason: reasons.get(id) ?? null })),
    email: { provider, emailId, opens: countOf('opened'), clicks: countOf('clicked') },
  }
}
