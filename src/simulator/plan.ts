/** The plan of a simulation, made before it starts. Pure: the same seed gives the same plan. */
import type { Priority, ProviderEventType, RegisteredAs } from '../domain/events.ts'
import type { Metadata } from '../domain/own-ids.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import type { SampleEmail, SampleEvent } from '../providers/sample.ts'
import { addressesFor, drawEngagements, drawSubject, linkIn } from './content.ts'
import { addressRefusals, delays, type ExpectedFailure, emailRefusals, unexplained } from './failures.ts'
import { drawOutcomes, type Ending, type Outcome } from './outcomes.ts'
import { createRandom, type Random } from './random.ts'

export interface PlanOptions {
  readonly emails: number
  /** Emails started per second. */
  readonly rate: number
  readonly seed: number
  /** The factor by which delays are shortened: with 600, an hour takes 6 seconds. */
  readonly speed: number
  /** Part of all IDs and addresses, so that runs do not disturb each other. Letters, digits and `-`. */
  readonly run: string
  /** The provider's ID of the email with this key. */
  readonly emailIdOf: (key: string) => string
  /** Events of one email are at different multiples of this, in milliseconds. */
  readonly timeResolutionMs: number
}

/** All times are milliseconds after the start of the email, already shortened by `speed`. */
export interface PlannedEvent extends SampleEvent {
  readonly occursAfterMs: number
  /** When it is posted, more than once for duplicates. Never before it has occurred. */
  readonly postsAfterMs: readonly number[]
  /** What must come of the bounce. */
  readonly failure: ExpectedFailure | null
  readonly engagement: (NonNullable<SampleEvent['engagement']> & { readonly byMachine: boolean }) | null
}

interface PlannedRegistration {
  readonly as: RegisteredAs
  /** Null: not set, so the default applies. */
  readonly priority: Priority | null
  readonly postsAfterMs: readonly number[]
  /** Whether it names the external ID and metadata, too; else only events carry them. */
  readonly hasOwnIds: boolean
}

export interface PlannedEmail extends SampleEmail {
  readonly externalId: string
  readonly metadata: Metadata
  /** Of the provider that sends it. */
  readonly hasCustomFields?: false
  readonly outcome: Outcome
  /** Milliseconds after the start of the run. */
  readonly startsAfterMs: number
  /** Null: the application does not register it. */
  readonly registration: PlannedRegistration | null
  readonly events: readonly PlannedEvent[]
}

const [second, minute, hour] = [1_000, 60_000, 3_600_000]
const [duplicateShare, reorderedShare] = [0.05, 0.1]
const [neverRegisteredShare, lateRegisteredShare, repeatedRegistrationShare] = [0.03, 0.03, 0.02]

/** @returns `options.emails` planned emails in the order in which they start. */
export function planEmails(options: PlanOptions): PlannedEmail[] {
  const random = createRandom(options.seed)
  return drawOutcomes(options.emails, random).map((outcome, index) => planEmail(outcome, index, options, random))
}

function planEmail(outcome: Outcome, index: number, options: PlanOptions, random: Random): PlannedEmail {
  const key = `${options.run}-${options.seed}-${index}`
  const to = addressesFor(key, outcome.endings.length, random)
  const events = planEvents(outcome, to, key, options, random)
  return {
    id: options.emailIdOf(key),
    outcome,
    to,
    subject: drawSubject(random),
    tags: ['simulated', random.pick(['receipt', 'newsletter', 'sign-in'])],
    startsAfterMs: roundedTo((index * 1_000) / options.rate, options.timeResolutionMs),
    externalId: `order-${key}`,
    metadata: { customer: `c-${index % 7}`, run: options.run },
    registration: planRegistration(outcome, index, events, options, random),
    events,
  }
}

function planRegistration(
  outcome: Outcome,
  index: number,
  events: readonly PlannedEvent[],
  timing: Timing,
  random: Random,
): PlannedRegistration | null {
  const draw = random.fraction()
  const priority = outcome.isCritical ? 'critical' : random.pick([null, null, 'normal', 'bulk'])
  const as = random.chance(0.2) ? 'queued' : 'sent'
  const isRepeated = random.chance(repeatedRegistrationShare)
  if (draw < neverRegisteredShare && !outcome.isCritical) return null
  const isLate = draw < neverRegisteredShare + lateRegisteredShare
  const lastPostMs = Math.max(...events.flatMap((event) => event.postsAfterMs))
  const firstAt = isLate ? lastPostMs + compressed(random.between(10 * second, 2 * minute), timing) : 0
  const againAt = firstAt + compressed(random.between(second, 3 * minute), timing)
  return { as, priority, postsAfterMs: isRepeated ? [firstAt, againAt] : [firstAt], hasOwnIds: index % 2 === 0 }
}

type Timing = Pick<PlanOptions, 'speed' | 'timeResolutionMs'>

/** Never 0, so that the order of events does not change. */
const compressed = (delayMs: number, { speed, timeResolutionMs }: Timing): number =>
  Math.max(timeResolutionMs, roundedTo(delayMs / speed, timeResolutionMs))

const roundedTo = (timeMs: number, timeResolutionMs: number): number =>
  Math.round(timeMs / timeResolutionMs) * timeResolutionMs

/** An event before its ID and its posts are planned. */
type DraftEvent = Omit<PlannedEvent, 'id' | 'postsAfterMs'>

function planEvents(
  outcome: Outcome,
  to: readonly string[],
  key: string,
  timing: Timing,
  random: Random,
): readonly PlannedEvent[] {
  const usualDelayMs = random.between(second, 20 * second)
  return draftEvents(outcome, to, timing, random).map((draft, index) => ({
    ...draft,
    id: `evt_${key}-${index}`,
    postsAfterMs: drawPostDelays(usualDelayMs, random).map(
      (late) => draft.occursAfterMs + Math.round(late / timing.speed),
    ),
  }))
}

/** How late an event is posted: usually by the same delay, sometimes so late that another overtakes it, sometimes twice. Not shortened yet. */
function drawPostDelays(usualDelayMs: number, random: Random): number[] {
  const first = usualDelayMs + (random.chance(reorderedShare) ? random.between(2 * minute, 15 * minute) : 0)
  if (!random.chance(duplicateShare)) return [first]
  return [first, random.chance(0.5) ? first : first + random.between(30 * second, 30 * minute)]
}

type AddEvent = (
  type: ProviderEventType,
  afterMs: readonly [number, number],
  facts: Pick<DraftEvent, 'recipient'> & Partial<DraftEvent>,
) => void

/** The events of the email in their order, all at different times. How far it has come is said of all recipients together. */
function draftEvents(outcome: Outcome, to: readonly string[], timing: Timing, random: Random): DraftEvent[] {
  const drafts: DraftEvent[] = []
  let clock = 0
  const addEvent: AddEvent = (type, afterMs, facts) => {
    clock += compressed(random.between(...afterMs), timing)
    drafts.push({ type, occursAfterMs: clock, bounce: null, failure: null, engagement: null, ...facts })
  }
  const ofEmail = { recipient: to.length === 1 ? (to[0] ?? null) : null }
  const recipients = to.map((address, index) => ({ recipient: index === 0 && !outcome.namesFirst ? null : address }))
  const [first = ofEmail] = recipients

  addEvent('queued', [0, 50], ofEmail)
  addEvent('sending', [50, 500], ofEmail)
  if (!outcome.isRefusedImmediately) addEvent('sent', [200, 3 * second], ofEmail)
  for (let nth = 0; nth < outcome.delays; nth++) {
    addEvent('bounced', [second, 15 * minute], { ...first, ...random.pick(delays) })
  }
  for (const [index, ending] of outcome.endings.entries()) {
    addEnding(ending, recipients[index] ?? ofEmail, index === 0 && outcome.delays > 0, addEvent, random)
  }
  const reached = recipients.filter((_, index) => outcome.endings[index] === 'delivered')
  const [reader, ...readers] = random.shuffled(reached)
  if (outcome.isEngaged && reader) {
    for (const { type, ...engagement } of drawEngagements(linkIn(random), random)) {
      const by = random.pick([reader, ...readers])
      addEvent(type, type === 'opened' ? [minute, hour] : [5 * second, 10 * minute], { ...by, engagement })
    }
  }
  if (outcome.isComplaint) addEvent('complained', [minute, 2 * hour], first)
  return drafts
}

/** What becomes of the email for one recipient. */
function addEnding(
  ending: Ending,
  about: Pick<DraftEvent, 'recipient'>,
  isDelayed: boolean,
  addEvent: AddEvent,
  random: Random,
): void {
  if (ending === 'delivered') addEvent('delivered', isDelayed ? [5 * minute, 30 * minute] : [500, 30 * second], about)
  if (ending === 'address_refused') addEvent('bounced', [second, minute], { ...about, ...random.pick(addressRefusals) })
  if (ending === 'email_refused') addEvent('bounced', [second, minute], { ...about, ...random.pick(emailRefusals) })
}

/** The plan without the events that the provider does not send. An email without events is registered at least. */
export const planFor = (provider: ProviderEntry, plan: readonly PlannedEmail[]): PlannedEmail[] =>
  plan.map((drawn) => {
    const { hasCustomFields, hasOneRecipient } = provider.sampleFormat
    const planned = hasOneRecipient ? toFirstRecipient(drawn) : drawn
    const email = hasCustomFields === false ? { ...planned, hasCustomFields: false as const } : planned
    const sent = email.events.filter(({ type }) => provider.eventTypes.includes(type))
    const events = sent.flatMap((event) => provider.sampleFormat.adapt(event, email)).map(withoutUntoldReason)
    if (email.registration) return { ...email, events }
    if (events.length === 0)
      return { ...email, registration: { as: 'sent', priority: null, postsAfterMs: [0], hasOwnIds: true }, events }
    // Only the recipients that an event names are known.
    const isKnown = (address: string) => events.some(({ recipient }) => recipient === address)
    return { ...email, events, to: provider.sampleFormat.namesAllRecipients ? email.to : email.to.filter(isKnown) }
  })

const toFirstRecipient = (email: PlannedEmail): PlannedEmail => {
  const [first = ''] = email.to
  const isOfFirst = ({ recipient }: PlannedEvent) => recipient === null || recipient === first
  return { ...email, to: [first], events: email.events.filter(isOfFirst) }
}

const withoutUntoldReason = (event: PlannedEvent): PlannedEvent =>
  event.bounce?.message === null ? { ...event, failure: unexplained(event.bounce) } : event
