/**
 * Which opens and clicks a person likely made. Two looks: at one event by itself, when it is received, and later at all
 * events of an email together. The first one counts in the snapshot. The second one depends on other events, so it stays
 * out of the fold, which must not: it is made over what is stored, and analytics take it into account (docs/analytics.md).
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

/** What an event by itself tells of who made it. */
export interface EngagementEvidence {
  readonly userAgent: string | null
  /** The IP address that it came from. */
  readonly address: string | null
}

/**
 * Gmail fetches images through a proxy that names itself `GoogleImageProxy` (support.google.com/mail/answer/145919), Yahoo
 * through `YahooMailProxy` (it names its help page in the header): the recipient's own device never shows.
 */
const imageProxy = /googleimageproxy|yahoomailproxy/i

/**
 * Apple's Mail Privacy Protection loads images in the background, whether the email is opened or not
 * (support.apple.com/guide/iphone/iphf084865c7), with the bare `Mozilla/5.0`, which no browser sends.
 */
const privacyProxy = /^mozilla\/5\.0$/i

/** Programs that say what they are: crawlers and previews call themselves bot, crawler, scanner or preview. */
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
 * Address ranges from which no person reads email: those of Exchange Online Protection, which follows links before it
 * delivers (learn.microsoft.com, "Microsoft 365 URLs and IP address ranges", Exchange Online), and those of Apple itself
 * (17.0.0.0/8: support.apple.com/101555). Apple's and Google's proxies have thousands more, which change every week; they
 * are told by their user agents.
 */
const machineRanges: readonly AddressRange[] = [
  range('40.92.0.0/15', 'mail_filter_address'),
  range('40.107.0.0/16', 'mail_filter_address'),
  range('52.100.0.0/14', 'mail_filter_address'),
  range('104.47.0.0/17', 'mail_filter_address'),
  range('17.0.0.0/8', 'privacy_proxy'),
]

/** An IPv4 address as a number, also where it is written as an IPv6 one; null for anything else. */
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

/** Why an open or click is likely a machine's, by itself; null if nothing says so. */
export function machineReasonOf({ userAgent, address }: EngagementEvidence): MachineReason | null {
  const agent = userAgent?.trim() ?? ''
  if (imageProxy.test(agent)) return 'image_proxy'
  if (privacyProxy.test(agent)) return 'privacy_proxy'
  if (bot.test(agent)) return 'bot'
  return address === null ? null : rangeReasonOf(address)
}

/** Whether an open or click with this user agent was likely made by a person; true when none is known. */
export const isLikelyHuman = (userAgent: string | null): boolean =>
  machineReasonOf({ userAgent, address: null }) === null

/**
 * Sooner after delivery than this no person has seen, opened and read an email; filters that follow links do so on arrival.
 * The figure is ours: short enough that it takes no quick reader for a machine.
 */
export const soonestHumanMs = 2_000

/** So many different links of one email, clicked within {@link manyLinksWithinMs}, are a scanner's walk. Ours, as above. */
export const manyLinks = 3
export const manyLinksWithinMs = 2_000

/** One open or click of an email, as it is stored. */
export interface StoredEngagement extends EngagementEvidence {
  readonly id: string
  readonly type: 'opened' | 'clicked'
  /** Epoch milliseconds. */
  readonly occurredAt: number
  /** What was clicked; null for an open, or if it was not told. */
  readonly link: string | null
  /** What an earlier look found in evidence that may be deleted by now. */
  readonly knownReason: MachineReason | null
}

const contextual: ReadonlySet<MachineReason> = new Set<MachineReason>(['too_soon', 'many_links'])

/**
 * The second look: which of an email's opens and clicks are likely machines', each with the reason. It sees a set: the
 * same events in any order give the same answer. Pure.
 * @param deliveredAt epoch milliseconds; null while it is not known.
 */
export function judgeEngagements(
  deliveredAt: number | null,
  engagements: readonly StoredEngagement[],
): Map<string, MachineReason> {
  const walked = clicksOfManyLinks(engagements)
  const judged = new Map<string, MachineReason>()
  for (const engagement of engagements) {
    const { id, occurredAt, knownReason } = engagement
    const byItself = machineReasonOf(engagement) ?? (knownReason && !contextual.has(knownReason) ? knownReason : null)
    const isTooSoon = deliveredAt !== null && occurredAt < deliveredAt + soonestHumanMs
    const reason = byItself ?? (isTooSoon ? 'too_soon' : walked.has(id) ? 'many_links' : null)
    if (reason) judged.set(id, reason)
  }
  return judged
}

/** The clicks that lie in some span of {@link manyLinksWithinMs} with {@link manyLinks} different links or more. */
function clicksOfManyLinks(engagements: readonly StoredEngagement[]): Set<string> {
  const clicks = engagements.filter(({ type, link }) => type === 'clicked' && link !== null)
  const walked = new Set<string>()
  for (const { occurredAt: startsAt } of clicks) {
    const within = clicks.filter(
      ({ occurredAt }) => occurredAt >= startsAt && occurredAt <= startsAt + manyLinksWithinMs,
    )
    if (new Set(within.map(({ link }) => link)).size < manyLinks) continue
    for (const { id } of within) walked.add(id)
  }
  return walked
}
