/** The statements on escalations. */
import { isDeepStrictEqual } from 'node:util'
import { type EscalationWrite, escalationIdOf } from '../../src/db/escalations.ts'
import type { Escalation, UndeliveredNotice } from '../../src/domain/escalation.ts'
import type { EmailKey } from '../../src/domain/events.ts'
import type { FakeDatabase } from './fake-database.ts'

/** @returns the stored version; null if a newer one was stored before, so that nothing was written. */
export function upsertEscalation(
  { tables, comparesVersions, now }: FakeDatabase,
  email: EmailKey,
  escalation: Escalation,
): number | null {
  const { provider, emailId } = email
  const id = escalationIdOf(email, escalation.reason)
  const before = tables.escalations.get(id)?.escalation
  const versionBefore = before?.version ?? 0
  const isNewer = escalation.version !== undefined && versionBefore > escalation.version
  if (before && isNewer && comparesVersions) return null
  const version = Math.max(before ? versionBefore + 1 : 1, (escalation.version ?? 0) + 1)
  const stored = { ...escalation, openedAt: before?.openedAt ?? escalation.openedAt, version }
  const isNoticed = escalation.notices > (before?.notices ?? 0)
  const noticedAt = isNoticed ? now() : (tables.escalations.get(id)?.noticedAt ?? now())
  const row = { provider, emailId, escalation: stored, noticedAt }
  tables.commit('escalate', [email], () => tables.set(tables.escalations, id, row))
  return version
}

/** The answer to a write that {@link upsertEscalation} refused. */
export function conflictWith({ tables }: FakeDatabase, email: EmailKey, given: Escalation): EscalationWrite {
  const stored = tables.escalations.get(escalationIdOf(email, given.reason))?.escalation
  if (!stored) throw new Error('the escalation does not exist')
  const version = stored.version ?? 0
  return { version, conflict: isDeepStrictEqual({ ...given, version }, stored) ? null : stored }
}

export const readEscalations = ({ tables }: FakeDatabase, { provider, emailId }: EmailKey): Escalation[] =>
  [...tables.escalations.values()]
    .filter((row) => row.provider === provider && row.emailId === emailId)
    .map(({ escalation }) => escalation)

/** The latest notice of each unresolved escalation, on the channels that lack it. */
export const readUndeliveredNotices = (
  { tables }: FakeDatabase,
  { provider, emailId }: EmailKey,
  channels: readonly string[],
): UndeliveredNotice[] =>
  [...tables.escalations]
    .filter(([, row]) => row.provider === provider && row.emailId === emailId && row.escalation.state !== 'resolved')
    .flatMap(
      ([
        id,
        {
          escalation: { reason, notices: notice },
        },
      ]) =>
        channels
          .filter((channel) => !tables.notifications.has(`${id}.${notice}.${channel}`))
          .map((channel) => ({ reason, notice, channel })),
    )
