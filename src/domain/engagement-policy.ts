/**
 * Which opens and clicks a person likely made. Each event is judged alone when it is received; the result counts in the
 * snapshot. Later all stored engagements of an email are judged together. That depends on other events, which the fold must
 * not, so only analytics use it (docs/analytics.md).
 */

export const machineReasons = [
  'image_proxy',
  'privacy_proxy',
  'bot',
  'mail_filter_address',
  'too_soon',
  'many_links',
] as const

/** Why an open or click is likely a machine's. */
export type MachineReason = (typeof machineReasons)[number]

/** What one event reveals about who made it. */
export interface EngagementEvidence {
  readonly userAgent: string | null
  /** The IP address that it came from. */
  readonly address: string | null
}

/**
 * Gmail fetches images through `GoogleImageProxy` (support.google.com/mail/answer/145919), Yahoo through `YahooMailProxy` (its
 * user agent names its help page): the recipient's device does not appear.
 */
const imageProxy = /googleimageproxy|yahoomailproxy/i

/**
 * Apple's Mail Privacy Protection loads images in the background, whether the email is opened or not
 * (support.apple.com/guide/iphone/iphf084865c7), with the bare `Mozilla/5.0`, which no browser sends.
 */
const privacyProxy = /^mozilla\/5\.0$/i

/** Programs whose user agent names them: bots, crawlers, scanners, previews. */
const bot = /\b\w*(bot|crawler|spider|scanner|preview|prefetch)\b|headlesschrome|python-requests|^curl\//i

interface AddressRange {
  readonly base: number
  readonly bits: number
  readonly reason: MachineReason
}

const range = (cidr: string, reason: MachineReason): AddressRange => {
  const [address = '', bits] = cidr.split('/')
  return { base: ipv4NumberOf(address) ?? 0, bits: Number(bits), reason }
}

/**
 * Address ranges from which no person reads email: Exchange Online Protection, which follows links before it delivers
 * (learn.microsoft.com, "Microsoft 365 URLs and IP address ranges", Exchange Online), and Apple itself (17.0.0.0/8:
 * support.apple.com/101555). Apple's and Google's proxies use thousands of ranges that change every week; they are recognized
 * by their user agents.
 */
const machineRanges: readonly AddressRange[] = [
  range('40.92.0.0/15', 'mail_filter_address'),
  range('40.107.0.0/16', 'mail_filter_address'),
  range('52.100.0.0/14', 'mail_filter_address'),
  range('104.47.0.0/17', 'mail_filter_address'),
  range('17.0.0.0/8', 'privacy_proxy'),
]

/** An IPv4 address as a number, also in its IPv6 notation; null for anything else. */
function ipv4NumberOf(address: string): number | null {
  const parts = address.replace(/^::ffff:/i, '').split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null
  return parts.reduce((number, part) => number * 256 + Number(part), 0)
}

function rangeReasonOf(address: string): MachineReason | null {
  const number = ipv4NumberOf(address)
  if (number === null) return null
  const size = (bits: number) => 2 ** (32 - bits)
  const found = machineRanges.find(
    ({ base, bits }) => Math.floor(number / size(bits)) === Math.floor(base / size(bits)),
  )
  return found?.reason ?? null
}

/** Why an open or click is likely a machine's, judged alone; null if it is not. */
export function machineReasonOf({ userAgent, address }: EngagementEvidence): MachineReason | null {
  const agent = userAgent?.trim() ?? ''
  if (imageProxy.test(agent)) return 'image_proxy'
  if (privacyProxy.test(agent)) return 'privacy_proxy'
  if (bot.test(agent)) return 'bot'
  return address === null ? null : rangeReasonOf(address)
}

/** Whether an open or click with this user agent was likely made by a person; true if it has none. */
export const isLikelyHuman = (userAgent: string | null): boolean =>
  machineReasonOf({ userAgent, address: null }) === null

/**
 * An engagement sooner after delivery than this is a machine's: filters follow links on arrival. The value is our choice, short
 * enough that no quick reader counts as a machine.
 */
const soonestHumanMs = 2_000

/** Clicks on so many links of one email within {@link manyLinksWithinMs} are a scanner's. Our choice, as above. */
const manyLinks = 3
const manyLinksWithinMs = 2_000

/** One open or click of an email, as it is stored. */
export interface StoredEngagement extends EngagementEvidence {
  readonly id: string
  readonly type: 'opened' | 'clicked'
  /** Epoch milliseconds. */
  readonly occurredAt: number
  /** What was clicked; null for an open or if unknown. */
  readonly link: string | null
  /** The result of an earlier judgement, whose evidence may be deleted by now. */
  readonly knownReason: MachineReason | null
}

const contextual: ReadonlySet<MachineReason> = new Set<MachineReason>(['too_soon', 'many_links'])

/**
 * Judges an email's opens and clicks together. Returns those that are likely machines', by ID, with the reason. Independent of
 * their order. Pure.
 * @param deliveredAt epoch milliseconds; null if unknown.
 */
export function judgeEngagements(
  deliveredAt: number | null,
  engagements: readonly StoredEngagement[],
): Map<string, MachineReason> {
  const scanned = clicksOfManyLinks(engagements)
  const judged = new Map<string, MachineReason>()
  for (const engagement of engagements) {
    const { id, occurredAt, knownReason } = engagement
    const alone = machineReasonOf(engagement) ?? (knownReason && !contextual.has(knownReason) ? knownReason : null)
    const isTooSoon = deliveredAt !== null && occurredAt < deliveredAt + soonestHumanMs
    const reason = alone ?? (isTooSoon ? 'too_soon' : scanned.has(id) ? 'many_links' : null)
    if (reason) judged.set(id, reason)
  }
  return judged
}

/** The clicks within a span of {@link manyLinksWithinMs} that has clicks on at least {@link manyLinks} different links. */
function clicksOfManyLinks(engagements: readonly StoredEngagement[]): Set<string> {
  const clicks = engagements.filter(({ type, link }) => type === 'clicked' && link !== null)
  const scanned = new Set<string>()
  for (const { occurredAt: startsAt } of clicks) {
    const within = clicks.filter(
      ({ occurredAt }) => occurredAt >= startsAt && occurredAt <= startsAt + manyLinksWithinMs,
    )
    if (new Set(within.map(({ link }) => link)).size < manyLinks) continue
    for (const { id } of within) scanned.add(id)
  }
  return scanned
}
