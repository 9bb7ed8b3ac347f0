/**
 * When rates and silences are alarming. Each has two limits, one above which support is called and a lower one below which
 * it is over, so that a figure that wavers around a limit calls nobody twice.
 */
import type { Incident } from './incident.ts'

/** Rates are shares from 0 to 1; times are in milliseconds. */
export interface AlarmPolicy {
  /** Hard bounces, of the emails sent within 24 hours. */
  readonly bounceRate: number
  /** Complaints, of the emails delivered. Gmail wants senders below 0.1 % (support.google.com/mail/answer/81126). */
  readonly complaintRate: number
  /** Rates of fewer emails than this say nothing. */
  readonly minimumSample: number
  /** How old the oldest event that waits to be applied may be. */
  readonly backlogAfterMs: number
  /** Webhooks with a wrong signature, within {@link signatureWindowMs}. */
  readonly signatureFailures: number
  /** No webhook at all for this long, while emails sent since wait for one. */
  readonly silenceAfterMs: number
}

/** Over this long rates are measured. */
export const rateWindowMs = 24 * 3_600_000

export const signatureWindowMs = 10 * 60_000

/** Raised: call support. Clear: it is over. Held: neither, whatever it was before. */
export type AlarmLevel = 'raised' | 'held' | 'clear'

/** An alarm is over when its figure is below this share of its limit. */
const clearBelow = 0.8

export function levelOf(figure: number, limit: number): AlarmLevel {
  if (figure > limit) return 'raised'
  return figure < limit * clearBelow ? 'clear' : 'held'
}

/** The same for a rate; one of too few emails raises nothing, and one of less than half of those holds nothing. */
export function levelOfRate(
  { numerator, denominator }: { readonly numerator: number; readonly denominator: number },
  limit: number,
  minimumSample: number,
): AlarmLevel {
  if (denominator === 0 || denominator < minimumSample / 2) return 'clear'
  const level = levelOf(numerator / denominator, limit)
  return level === 'raised' && denominator < minimumSample ? 'held' : level
}

interface Rated {
  readonly scope: string
  readonly sent: number
  readonly delivered: number
  readonly hardBounced: number
  readonly complained: number
}

/** What the alarms look at. */
export interface AlarmFigures {
  /** Of each provider and each tag, over {@link rateWindowMs}. */
  readonly rates: readonly Rated[]
  /** The age of the oldest event that waits to be applied; 0 if none does. */
  readonly oldestWaitingMs: number
  /** By provider: webhooks with a wrong signature within {@link signatureWindowMs}, and for how long emails wait in vain. */
  readonly providers: readonly {
    readonly provider: string
    readonly signatureFailures: number
    /** Since the last webhook, if an email sent after it waits; else 0. */
    readonly silentForMs: number
  }[]
}

/** An incident with how it stands now. */
export interface Finding extends Incident {
  readonly level: AlarmLevel
  /** One sentence for people, with the figures. */
  readonly detail: string
}

/** What there is to say of the figures: one finding for each thing that was looked at. Pure. */
export function findingsOf(figures: AlarmFigures, policy: AlarmPolicy): Finding[] {
  return [
    ...figures.rates.flatMap((rated) => rateFindings(rated, policy)),
    {
      reason: 'backlog',
      scope: 'system',
      level: levelOf(figures.oldestWaitingMs, policy.backlogAfterMs),
      detail: `The oldest event that is not applied has waited for ${minutes(figures.oldestWaitingMs)}.`,
    },
    ...figures.providers.flatMap((provider) => providerFindings(provider, policy)),
  ]
}

function rateFindings({ scope, ...rated }: Rated, policy: AlarmPolicy): Finding[] {
  const bounces = { numerator: rated.hardBounced, denominator: rated.sent }
  const complaints = { numerator: rated.complained, denominator: rated.delivered }
  return [
    {
      reason: 'bounce_rate',
      scope,
      level: levelOfRate(bounces, policy.bounceRate, policy.minimumSample),
      detail: `${shareOf(bounces)} of ${bounces.denominator} emails sent within 24 hours bounced hard; the limit is ${percent(policy.bounceRate)}.`,
    },
    {
      reason: 'complaint_rate',
      scope,
      level: levelOfRate(complaints, policy.complaintRate, policy.minimumSample),
      detail: `${shareOf(complaints)} of ${complaints.denominator} emails delivered within 24 hours were complained about; the limit is ${percent(policy.complaintRate)}.`,
    },
  ]
}

function providerFindings(of: AlarmFigures['providers'][number], policy: AlarmPolicy): Finding[] {
  const scope = `provider:${of.provider}`
  return [
    {
      reason: 'signature_failures',
      scope,
      level: levelOf(of.signatureFailures, policy.signatureFailures),
      detail: `${of.signatureFailures} webhooks within 10 minutes were not signed with a secret known here.`,
    },
    {
      reason: 'silence',
      scope,
      // It is over with the first webhook, not with a smaller silence.
      level: of.silentForMs > policy.silenceAfterMs ? 'raised' : of.silentForMs === 0 ? 'clear' : 'held',
      detail: `No webhook came for ${minutes(of.silentForMs)}, and emails wait for one.`,
    },
  ]
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`
const shareOf = ({ numerator, denominator }: { numerator: number; denominator: number }): string =>
  percent(denominator === 0 ? 0 : numerator / denominator)
const minutes = (ms: number): string =>
  ms < 7_200_000 ? `${Math.floor(ms / 60_000)} minutes` : `${Math.floor(ms / 3_600_000)} hours`
