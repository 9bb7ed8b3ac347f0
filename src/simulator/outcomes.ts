/** The outcomes of emails, with realistic shares. The shares are exact, so that a short run has all outcomes. */
import type { Random } from './random.ts'

/**
 * What becomes of an email for one recipient: it arrives, the address refuses it, it is refused for another reason, the last that is known
 * is a delay, or nothing is known.
 */
export type Ending = 'delivered' | 'address_refused' | 'email_refused' | 'deferred' | 'silent'

/** What will happen to one email. */
export interface Outcome {
  /** For each recipient. What is special about an email happens to the first. */
  readonly endings: readonly [Ending, ...Ending[]]
  /** The number of delays for the first recipient before its ending. */
  readonly delays: number
  /** Whether the first recipient complains. */
  readonly isComplaint: boolean
  /** Whether it is opened or clicked, by a person or a machine. */
  readonly isEngaged: boolean
  readonly isCritical: boolean
  /** Whether events about the first recipient name it. */
  readonly namesFirst: boolean
  /** Refused before the recipient's server accepted it: there is no `sent`. */
  readonly isRefusedImmediately: boolean
}

/** Of all emails. The rest is delivered at the first attempt, at least to the first recipient. */
const shares = {
  addressRefused: 0.02,
  emailRefused: 0.02,
  delayed: 0.04,
  complaint: 0.005,
  silent: 0.01,
  partly: 0.01,
} as const

/** Of delivered emails. */
const engagedShare = 0.48

const [criticalShare, severalRecipientsShare, unnamedShare] = [0.1, 0.06, 0.1]

/** From this many emails on, each ending occurs at least once. */
const fewestForAllEndings = 20

export function drawOutcomes(count: number, random: Random): Outcome[] {
  const filled = (share: number, outcomeOf: (nth: number, random: Random) => Outcome) => {
    const length = Math.max(Math.round(count * share), count >= fewestForAllEndings ? 1 : 0)
    return Array.from({ length }, (_, nth) => outcomeOf(nth, random))
  }
  const bad = [
    ...filled(shares.addressRefused, addressRefused),
    ...filled(shares.emailRefused, emailRefused),
    ...filled(shares.delayed, delayed),
    ...filled(shares.complaint, complained),
    ...filled(shares.silent, silent),
    ...filled(shares.partly, partlyDelivered),
  ].slice(0, count)
  const good = Array.from({ length: count - bad.length }, () => delivered(random))
  return random.shuffled([...bad, ...good])
}

function delivered(random: Random): Outcome {
  const others = random.chance(severalRecipientsShare) ? drawOthers(random) : []
  return {
    endings: ['delivered', ...others],
    delays: 0,
    isComplaint: false,
    isEngaged: random.chance(engagedShare),
    isCritical: random.chance(criticalShare),
    namesFirst: others.length === 0 || !random.chance(unnamedShare),
    isRefusedImmediately: false,
  }
}

/** One or two further recipients. Most receive the email. */
const drawOthers = (random: Random): Ending[] =>
  Array.from({ length: random.between(1, 2) }, () =>
    random.pick(['delivered', 'delivered', 'delivered', 'delivered', 'address_refused', 'email_refused', 'silent']),
  )

/** Every fourth is critical, every second has several recipients, of which every second does not name the first. */
function withEnding(ending: Ending, nth: number, random: Random): Outcome {
  const others = nth % 4 === 1 || nth % 4 === 2 ? drawOthers(random) : []
  return {
    ...delivered(random),
    endings: [ending, ...others],
    isCritical: nth % 4 === 0 || random.chance(criticalShare),
    namesFirst: nth % 4 !== 2,
  }
}

const addressRefused = (nth: number, random: Random) => refused('address_refused', nth, random)
const emailRefused = (nth: number, random: Random) => refused('email_refused', nth, random)

function refused(ending: Ending, nth: number, random: Random): Outcome {
  const outcome = withEnding(ending, nth, random)
  return { ...outcome, isRefusedImmediately: outcome.endings.length === 1 && random.chance(0.5) }
}

const complained = (nth: number, random: Random): Outcome => ({
  ...withEnding('delivered', nth, random),
  isComplaint: true,
})

const silent = (_nth: number, random: Random): Outcome => ({ ...delivered(random), endings: ['silent'] })

/** The first recipient receives it, another one is not heard of again. */
const partlyDelivered = (_nth: number, random: Random): Outcome => ({
  ...delivered(random),
  endings: ['delivered', 'silent'],
  namesFirst: true,
})

/** Most are delivered later, some stay deferred, some are refused. */
function delayed(nth: number, random: Random): Outcome {
  const outcome = { ...delivered(random), delays: random.between(1, 2) }
  const [, ...others] = outcome.endings
  if (nth % 10 === 3) return { ...outcome, endings: ['address_refused', ...others] }
  if (nth % 10 === 6) return { ...outcome, endings: ['deferred', ...others] }
  return nth % 10 === 9 ? { ...outcome, endings: ['email_refused', ...others] } : outcome
}
