/** How emails end, in the shares that a provider sees. Shares are filled rather than drawn, so that short runs have all. */
import type { Random } from './random.ts'

export type Ending = 'settled' | 'hard_bounce' | 'deferred' | 'complaint' | 'stall'

/** The outline of one email's life. */
export interface Fate {
  readonly ends: Ending
  /** Soft bounces before delivery, a hard bounce, or nothing more. */
  readonly softBounces: number
  readonly isDelivered: boolean
  /** Whether somebody or something opens or clicks it. */
  readonly engages: boolean
  readonly isCritical: boolean
  /** How many people it is for. */
  readonly recipients: number
  /** Of several recipients: whether bounce and complaint say which one they are about. */
  readonly namesRecipient: boolean
  /** Bounced before the recipient's server took it: there is no `sent`. */
  readonly isRefusedAtOnce: boolean
}

/** Of all emails. What is left is delivered at the first try. */
export const shares = { hardBounce: 0.03, softBounce: 0.04, complaint: 0.005, stall: 0.01 } as const

/** Of the delivered ones. */
export const engagedShare = 0.48

const [criticalShare, severalRecipientsShare] = [0.1, 0.04]

/** From this many emails on, each ending occurs at least once. */
export const fewestForAllEndings = 20

/** @returns `count` fates in the order of their emails. */
export function drawFates(count: number, random: Random): Fate[] {
  const filled = (share: number) => Math.max(Math.round(count * share), count >= fewestForAllEndings ? 1 : 0)
  const unlucky = [
    ...Array.from({ length: filled(shares.hardBounce) }, (_, nth) => hardBounced(nth, random)),
    ...Array.from({ length: filled(shares.softBounce) }, (_, nth) => softBounced(nth, random)),
    ...Array.from({ length: filled(shares.complaint) }, (_, nth) => complainedAbout(nth, random)),
    ...Array.from({ length: filled(shares.stall) }, () => ({ ...delivered(random), ...stalled })),
  ].slice(0, count)
  const lucky = Array.from({ length: count - unlucky.length }, () => delivered(random))
  return random.shuffled([...unlucky, ...lucky])
}

const stalled = { ends: 'stall', isDelivered: false, engages: false } as const

function delivered(random: Random): Fate {
  return {
    ends: 'settled',
    softBounces: 0,
    isDelivered: true,
    engages: random.chance(engagedShare),
    isCritical: random.chance(criticalShare),
    recipients: random.chance(severalRecipientsShare) ? random.between(2, 3) : 1,
    namesRecipient: true,
    isRefusedAtOnce: false,
  }
}

/** Of those that end badly for a recipient, every fourth is critical, and as many are for several people, named or not. */
function badly(nth: number, random: Random): Fate {
  const isForSeveral = nth % 4 === 1 || nth % 4 === 2
  return {
    ...delivered(random),
    isCritical: nth % 4 === 0 || random.chance(criticalShare),
    recipients: isForSeveral ? random.between(2, 3) : 1,
    namesRecipient: nth % 4 !== 2,
  }
}

/** The other recipients of an email for several get theirs. */
function hardBounced(nth: number, random: Random): Fate {
  const fate = badly(nth, random)
  const isForSeveral = fate.recipients > 1
  return {
    ...fate,
    ends: 'hard_bounce',
    isDelivered: isForSeveral,
    engages: isForSeveral && fate.engages,
    isRefusedAtOnce: !isForSeveral && random.chance(0.5),
  }
}

const complainedAbout = (nth: number, random: Random): Fate => ({ ...badly(nth, random), ends: 'complaint' })

/** Most arrive later, some never do, some turn out to be refused for good. */
function softBounced(nth: number, random: Random): Fate {
  const fate = { ...delivered(random), softBounces: random.between(1, 2) }
  if (nth % 10 === 3) return { ...fate, ends: 'hard_bounce', isDelivered: false, engages: false }
  if (nth % 10 === 6) return { ...fate, ends: 'deferred', isDelivered: false, engages: false }
  return fate
}
