/** An email's lifecycle in text, for the Web UI and for the history. Nothing in here names a person. */

import type { Engagement } from '../domain/delivery-facts.ts'
import type { Escalation } from '../domain/escalation.ts'
import { deliveredCountOf, deliveryTimeMsOf, type Snapshot, sentAtOf, statusOf } from '../domain/lifecycle.ts'

/** What a save changes, as text: `sent → delivered, 2 events`. */
export function changeOf(before: Snapshot, after: Snapshot, eventCount: number): string {
  const [from, to] = [statusOf(before), statusOf(after)]
  return `${from === to ? to : `${from} → ${to}`}, ${eventCount} event${eventCount === 1 ? '' : 's'}`
}

/**
 * The email's lifecycle as Markdown: the headline, then facts and escalations in the order of time.
 * @param about parts of the static summary, repeated here because the SDK does not pass it on to a run that continues another.
 */
export function timelineOf(
  snapshot: Snapshot,
  escalations: readonly Escalation[],
  about: readonly string[] = [],
): string {
  const facts: [number | null, string][] = [
    [snapshot.registeredAt, 'registered by the application'],
    [snapshot.queuedAt, 'queued'],
    [snapshot.sendingAt, 'sending'],
    [sentAtOf(snapshot), 'sent'],
    [snapshot.deliveredAt, `delivered${deliveryTime(snapshot)}`],
    [snapshot.bounce?.at ?? null, snapshot.bounce ? failure(snapshot.bounce) : ''],
    [snapshot.opens.firstAt, engagement('opened', snapshot.opens)],
    [snapshot.clicks.firstAt, engagement('clicked', snapshot.clicks)],
    [snapshot.complainedAt, 'complained'],
    ...escalations.map(({ openedAt, reason, state }): [number, string] => [openedAt, `escalation ${reason}: ${state}`]),
  ]
  const lines = facts
    .filter((fact): fact is [number, string] => fact[0] !== null)
    .sort(([a], [b]) => a - b)
    .map(([at, text]) => `- ${new Date(at).toISOString()} ${text}`)
  return [[`**${headline(snapshot)}**`, snapshot.priority, ...about].join(' · '), '', ...lines].join('\n')
}

/** The status; of an email with several recipients, also to how many of them it was delivered. */
function headline(snapshot: Snapshot): string {
  const { delivered, recipients } = deliveredCountOf(snapshot)
  return recipients > 1 ? `${statusOf(snapshot)}, delivered to ${delivered} of ${recipients}` : statusOf(snapshot)
}

function deliveryTime(snapshot: Snapshot): string {
  const ms = deliveryTimeMsOf(snapshot)
  return ms === null ? '' : ` (after ${(ms / 1000).toFixed(1)} s)`
}

function failure({ class: bounceClass, code, failure }: NonNullable<Snapshot['bounce']>): string {
  const what = failure ? `${failure.outcome}: ${failure.reason}, party ${failure.party}` : `${bounceClass} bounce`
  return code === null ? what : `${what} (${code})`
}

const engagement = (verb: string, { total, human }: Engagement): string =>
  total === 1 ? verb : `${verb} ${total} times, ${human} likely by a person`
