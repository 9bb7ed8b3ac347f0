/** What goes wrong with a provider's webhooks: some are lost, repeated, or late. Pure. */
import type { PlannedEmail, PlannedEvent } from './plan.ts'
import { createRandom, type Random } from './random.ts'

export interface ProviderFaults {
  /** Of all webhooks, from 0 to 1. */
  readonly lose: number
  readonly duplicate: number
  /** Whether later webhooks overtake earlier ones. */
  readonly reorder: boolean
  /** For so long in the middle of the run no webhook is posted, and none of them later. Before it is shortened by `speed`. */
  readonly outageMs: number
}

interface Timing {
  readonly seed: number
  /** As of the plan. */
  readonly speed: number
}

const [second, minute] = [1_000, 60_000]

/** Which webhooks are late if they overtake one another. */
const lateShare = 0.3

/**
 * The plan with other posts: none for an event whose webhook is lost. The same seed gives the same faults. Every registration names the own
 * IDs, since a stand-in's webhooks do not carry them.
 */
export function withFaults(plan: readonly PlannedEmail[], faults: ProviderFaults, timing: Timing): PlannedEmail[] {
  const random = createRandom(timing.seed ^ 0x5f_ae_17)
  const posted = plan.map(({ registration, ...email }) => ({
    ...email,
    registration: registration && { ...registration, hasOwnIds: true },
    events: email.events.map((event) => ({ ...event, postsAfterMs: postsOf(event, faults, timing, random) })),
  }))
  const outage = outageIn(posted, faults.outageMs / timing.speed)
  return posted.map((email) => ({
    ...email,
    events: email.events.map((event) => ({
      ...event,
      postsAfterMs: event.postsAfterMs.filter((after) => !outage.includes(email.startsAfterMs + after)),
    })),
  }))
}

function postsOf(
  { occursAfterMs }: PlannedEvent,
  { lose, duplicate, reorder }: ProviderFaults,
  { speed }: Timing,
  random: Random,
): number[] {
  // Drawn whether they are needed or not, so that one fault does not move the others.
  const [isLost, isRepeated, isLate] = [random.chance(lose), random.chance(duplicate), random.chance(lateShare)]
  const delays = [second, random.between(2 * minute, 15 * minute), random.between(0, 30 * minute)]
  const [usual = 0, late = 0, again = 0] = delays.map((delayMs) => Math.round(delayMs / speed))
  const first = occursAfterMs + usual + (reorder && isLate ? late : 0)
  if (isLost) return []
  return isRepeated ? [first, first + again] : [first]
}

/** The outage is in the middle of the time in which webhooks are posted. */
function outageIn(plan: readonly PlannedEmail[], lengthMs: number) {
  const endsAfterMs = lastPostOf(plan)
  const from = Math.max(0, (endsAfterMs - lengthMs) / 2)
  return { includes: (afterMs: number): boolean => afterMs >= from && afterMs < from + lengthMs }
}

/** When the last request of the plan is due, in milliseconds after its start. */
export const lastPostOf = (plan: readonly PlannedEmail[]): number =>
  plan.reduce((last, { startsAfterMs, registration, events }) => {
    const posts = [...(registration?.postsAfterMs ?? []), ...events.flatMap(({ postsAfterMs }) => postsAfterMs)]
    return Math.max(last, ...posts.map((after) => startsAfterMs + after))
  }, 0)

/**
 * What can be known of an email in the end: the provider's record makes up for every lost webhook but those of opens and clicks, which it
 * is not read for.
 */
export const withoutLostEngagements = (email: PlannedEmail): PlannedEmail => ({
  ...email,
  events: email.events.filter(({ engagement, postsAfterMs }) => engagement === null || postsAfterMs.length > 0),
})
