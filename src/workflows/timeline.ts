/** A life in words, for the Web UI and for the history. Nothing in here names a person. */
import type { Escalation } from '../domain/escalation.ts'
import { deliveryTimeMsOf, type Engagement, type Snapshot, sentAtOf, statusOf } from '../domain/lifecycle.ts'

/** What a save changes, such as `sent → delivered, 2 events`. */
export function changeOf(before: Snapshot, after: Snapshot, eventCount: number): string {
  const [from, to] = [statusOf(before), statusOf(after)]
  return `${from === to ? to : `${from} → ${to}`}, ${eventCount} event${eventCount === 1 ? '' : 's'}`
}

/** The life as Markdown: the headline, its facts in the order of time, its escalations. */
export function timelineOf(snapshot: Snapshot, escalations: readonly Escalation[]): string {
  const facts: [number | null, string][] = [
    [snapshot.registeredAt, 'registered by the application'],
    [snapshot.queuedAt, 'queued'],
    [snapshot.sendingAt, 'sending'],
    [sentAtOf(snapshot), 'sent'],
    [snapshot.deliveredAt, `delivered${deliveryTime(snapshot)}`],
    [snapshot.bounce?.at ?? null, `${snapshot.bounce?.class} bounce ${snapshot.bounce?.code ?? ''}`.trim()],
    [snapshot.opens.firstAt, engagement('opened', snapshot.opens)],
    [snapshot.clicks.firstAt, engagement('clicked', snapshot.clicks)],
    [snapshot.complainedAt, 'complained'],
    ...escalations.map(({ openedAt, reason, state }): [number, string] => [openedAt, `escalation ${reason}: ${state}`]),
  ]
  const lines = facts
    .filter((fact): fact is [number, string] => fact[0] !== null)
    .sort(([a], [b]) => a - b)
    .map(([at, text]) => `- ${new Date(at).toISOString()} ${text}`)
  return [`**${statusOf(snapshot)}** · ${snapshot.priority}`, '', ...lines].join('\n')
}

function deliveryTime(snapshot: Snapshot): string {
  const ms = deliveryTimeMsOf(snapshot)
  return ms === null ? '' : ` (after ${(ms / 1000).toFixed(1)} s)`
}

const engagement = (verb: string, { total, human }: Engagement): string =>
  total === 1 ? verb : `${verb} ${total} times, ${human} likely by a person`
