/** What a simulation will do, decided before it begins. Pure: the same seed gives the same plan. */
import type { BounceClass, Priority, ProviderEventType, RegisteredAs } from '../../domain/events.ts'
import { drawFates, type Fate } from './fates.ts'
import { addressesFor, drawEngagements, drawSubject, hardBounces, linkIn, softBounces } from './material.ts'
import { createRandom, type Random } from './random.ts'

export interface PlanOptions {
  readonly emails: number
  /** Emails begun per second. */
  readonly rate: number
  readonly seed: number
  /** How many times faster than life the delays pass: with 600, an hour takes 6 seconds. */
  readonly speed: number
  /** Makes IDs and addresses this run's own, so that runs do not disturb each other. Letters, digits and `-`. */
  readonly run: string
  /** How a provider names the email with this key. */
  readonly emailIdOf: (key: string) => string
  /** What happens to one email happens at whole multiples of this, all different. Milliseconds. */
  readonly grainMs: number
}

/** All times are milliseconds since the email's own beginning, as they pass on the clock: already compressed. */
export interface PlannedEvent {
  readonly id: string
  readonly type: ProviderEventType
  readonly occursAfterMs: number
  /** When it is posted: once, or again as a duplicate. Never before it has occurred. */
  readonly postsAfterMs: readonly number[]
  /** The address that the event names; null when it names none. */
  readonly recipient: string | null
  readonly bounce: { readonly class: BounceClass; readonly code: string | null; readonly message: string | null } | null
  readonly engagement: { readonly userAgent: string; readonly byMachine: boolean; readonly url: string | null } | null
}

export interface PlannedRegistration {
  readonly as: RegisteredAs
  /** Null: left to the default, which is normal. */
  readonly priority: Priority | null
  readonly postsAfterMs: readonly number[]
}

export interface PlannedEmail {
  readonly id: string
  readonly fate: Fate
  readonly to: readonly string[]
  readonly subject: string
  readonly tags: readonly string[]
  /** Milliseconds since the run's beginning. */
  readonly startsAfterMs: number
  /** Null: the application never says that it sent it. */
  readonly registration: PlannedRegistration | null
  readonly events: readonly PlannedEvent[]
}

const [second, minute, hour] = [1_000, 60_000, 3_600_000]
const [duplicateShare, reorderedShare] = [0.05, 0.1]
const [neverRegisteredShare, lateRegisteredShare, repeatedRegistrationShare] = [0.03, 0.03, 0.02]

/** @returns one planned email per `options.emails`, in the order in which they begin. */
export function planEmails(options: PlanOptions): PlannedEmail[] {
  const random = createRandom(options.seed)
  return drawFates(options.emails, random).map((fate, index) => planEmail(fate, index, options, random))
}

function planEmail(fate: Fate, index: number, options: PlanOptions, random: Random): PlannedEmail {
  const key = `${options.run}-${options.seed}-${index}`
  const to = addressesFor(key, fate.recipients, random)
  const events = planEvents(fate, to, key, options, random)
  return {
    id: options.emailIdOf(key),
    fate,
    to,
    subject: drawSubject(random),
    tags: ['simulated', random.pick(['receipt', 'newsletter', 'sign-in'])],
    startsAfterMs: wholeGrains((index * 1_000) / options.rate, options.grainMs),
    registration: planRegistration(fate, events, options, random),
    events,
  }
}

function planRegistration(
  fate: Fate,
  events: readonly PlannedEvent[],
  pace: Pace,
  random: Random,
): PlannedRegistration | null {
  const draw = random.fraction()
  const priority = fate.isCritical ? 'critical' : random.pick([null, null, 'normal', 'bulk'])
  const as = random.chance(0.2) ? 'queued' : 'sent'
  const isRepeated = random.chance(repeatedRegistrationShare)
  if (draw < neverRegisteredShare && !fate.isCritical) return null
  const isLate = draw < neverRegisteredShare + lateRegisteredShare
  const lastPostMs = Math.max(...events.flatMap((event) => event.postsAfterMs))
  const firstAt = isLate ? lastPostMs + compressed(random.between(10 * second, 2 * minute), pace) : 0
  const againAt = firstAt + compressed(random.between(second, 3 * minute), pace)
  return { as, priority, postsAfterMs: isRepeated ? [firstAt, againAt] : [firstAt] }
}

type Pace = Pick<PlanOptions, 'speed' | 'grainMs'>

/** Never nothing: what comes after something else keeps coming after it. */
const compressed = (delayMs: number, { speed, grainMs }: Pace): number =>
  Math.max(grainMs, wholeGrains(delayMs / speed, grainMs))

const wholeGrains = (timeMs: number, grainMs: number): number => Math.round(timeMs / grainMs) * grainMs

/** An event before it is known when it is posted. */
type Happening = Omit<PlannedEvent, 'id' | 'postsAfterMs'>

function planEvents(
  fate: Fate,
  to: readonly string[],
  key: string,
  pace: Pace,
  random: Random,
): readonly PlannedEvent[] {
  const usualLateness = random.between(second, 20 * second)
  return happeningsOf(fate, to, pace, random).map((happening, index) => ({
    ...happening,
    id: `evt_${key}-${index}`,
    postsAfterMs: drawPosts(usualLateness, random).map(
      (late) => happening.occursAfterMs + Math.round(late / pace.speed),
    ),
  }))
}

/** How late a provider posts an event: as usual, sometimes late enough to be overtaken, sometimes twice. Not compressed. */
function drawPosts(usualLateness: number, random: Random): number[] {
  const first = usualLateness + (random.chance(reorderedShare) ? random.between(2 * minute, 15 * minute) : 0)
  if (!random.chance(duplicateShare)) return [first]
  return [first, random.chance(0.5) ? first : first + random.between(30 * second, 30 * minute)]
}

/** What happens to the email, in the order in which it happens. No two things happen in the same millisecond. */
function happeningsOf(fate: Fate, to: readonly string[], pace: Pace, random: Random): Happening[] {
  const happenings: Happening[] = []
  let clock = 0
  const happens = (type: ProviderEventType, afterMs: readonly [number, number], facts: Partial<Happening> = {}) => {
    clock += compressed(random.between(...afterMs), pace)
    const recipient = to.length === 1 ? (to[0] ?? null) : null
    happenings.push({ type, occursAfterMs: clock, recipient, bounce: null, engagement: null, ...facts })
  }
  // The one that goes wrong, where one of several does.
  const named = { recipient: fate.namesRecipient ? (to[0] ?? null) : null }

  happens('queued', [0, 50])
  happens('sending', [50, 500])
  if (!fate.isRefusedAtOnce) happens('sent', [200, 3 * second])
  for (let bounces = 0; bounces < fate.softBounces; bounces++) {
    happens('bounced', [second, 15 * minute], { ...named, bounce: { class: 'soft', ...random.pick(softBounces) } })
  }
  if (fate.isDelivered) {
    const others = to.length > 1 ? { recipient: to[1] ?? null } : {}
    happens('delivered', fate.softBounces > 0 ? [5 * minute, 30 * minute] : [500, 30 * second], others)
  }
  if (fate.ends === 'hard_bounce') {
    happens('bounced', [second, minute], { ...named, bounce: { class: 'hard', ...random.pick(hardBounces) } })
  }
  if (fate.engages) {
    for (const { type, ...engagement } of drawEngagements(linkIn(random), random)) {
      happens(type, type === 'opened' ? [minute, hour] : [5 * second, 10 * minute], { engagement })
    }
  }
  if (fate.ends === 'complaint') happens('complained', [minute, 2 * hour], named)
  return happenings
}
