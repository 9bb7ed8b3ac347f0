/**
 * When rates and silences raise an incident. Each has a limit that raises it and a lower one that clears it, so that a figure
 * around the limit does not raise it again and again.
 */
import type { Incident } from './incident.ts'

/** Rates are shares from 0 to 1; times are in milliseconds. */
export interface AlarmPolicy {
  /** Hard bounces, of the emails sent within 24 hours. */
  readonly bounceRate: number
  /** Complaints, of the emails delivered. Gmail requires less than 0.1 % (support.google.com/mail/answer/81126). */
  readonly complaintRate: number
  /** The least number of emails whose rate can raise an incident. */
  readonly minimumSample: number
  /** Refusals through the sender's fault, of the recipients with an outcome at a mailbox provider; see refusal-policy.ts. */
  readonly refusalRate: number
  /** The least number of refusals that can raise an incident. */
  readonly minimumRefusals: number
  /** The limit of the age of the oldest pending event. */
  readonly backlogAfterMs: number
  /** Webhooks with a wrong signature, within {@link signatureWindowMs}. */
  readonly signatureFailures: number
  /** The limit of the time without a webhook while emails sent since await one. */
  readonly silenceAfterMs: number
}

/** The period over which rates are measured. */
export const rateWindowMs = 24 * 3_600_000

export const signatureWindowMs = 10 * 60_000

/** Raised: an incident opens. Clear: it is over. Held: the previous level stays. */
export type AlarmLevel = 'raised' | 'held' | 'clear'

/** An incident is over when its figure is below this share of the limit. */
const clearBelow = 0.8

export function levelOf(figure: number, limit: number): AlarmLevel {
  if (figure > limit) return 'raised'
  return figure < limit * clearBelow ? 'clear' : 'held'
}

/** The level of a rate. Fewer emails than the minimum cannot raise it; fewer than half of the minimum clear it. */
export function levelOfRate(
  { numerator, denominator }: { readonly numerator: number; readonly denominator: number },
  limit: number,
  minimumSample: number,
): AlarmLevel {
  if (denominator === 0 || denominator < minimumSample / 2) return 'clear'
  const level = levelOf(numerator / denominator, limit)
  return level === 'raised' && denominator < minimumSample ? 'held' : level
}

interface RatedScope {
  readonly scope: string
  readonly sent: number
  readonly delivered: number
  readonly hardBounced: number
  readonly complained: number
}

/** The figures that are compared with the limits. */
export interface AlarmFigures {
  /** For each provider and each tag, over {@link rateWindowMs}. */
  readonly rates: readonly RatedScope[]
  readonly providers: readonly {
    readonly provider: string
    /** Webhooks with a wrong signature within {@link signatureWindowMs}. */
    readonly signatureFailures: number
    /** Webhooks with a right one. */
    readonly genuine: number
    /** The time since the last webhook, if an email sent after it awaits one; else 0. */
    readonly silentForMs: number
  }[]
}

/** An incident with its level. */
export interface Finding extends Incident {
  readonly level: AlarmLevel
  /** One sentence with the figures. */
  readonly detail: string
}

/** Compares the figures with the limits: one finding for each. Pure. */
export function findingsOf(figures: AlarmFigures, policy: AlarmPolicy): Finding[] {
  return [
    ...figures.rates.flatMap((rated) => rateFindings(rated, policy)),
    ...figures.providers.flatMap((provider) => providerFindings(provider, policy)),
  ]
}

/** Of all webhooks of a provider. Without it, whoever knows the address could alert support with some requests beside thousands. */
const signatureFailureShare = 0.1

function levelOfSignatures(
  { signatureFailures, genuine }: AlarmFigures['providers'][number],
  policy: AlarmPolicy,
): AlarmLevel {
  const total = Math.max(1, signatureFailures + genuine)
  const levels = [
    levelOf(signatureFailures, policy.signatureFailures),
    levelOf(signatureFailures / total, signatureFailureShare),
  ]
  if (levels.includes('clear')) return 'clear'
  return levels.includes('held') ? 'held' : 'raised'
}

function rateFindings({ scope, ...rated }: RatedScope, policy: AlarmPolicy): Finding[] {
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
      level: levelOfSignatures(of, policy),
      detail: `${of.signatureFailures} of ${of.signatureFailures + of.genuine} webhooks within 10 minutes were not signed with a configured secret.`,
    },
    {
      reason: 'silence',
      scope,
      // The first webhook clears it, not a shorter silence.
      level: of.silentForMs > policy.silenceAfterMs ? 'raised' : of.silentForMs === 0 ? 'clear' : 'held',
      detail: `No webhook was received for ${minutes(of.silentForMs)}, and emails await one.`,
    },
  ]
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`
const shareOf = ({ numerator, denominator }: { numerator: number; denominator: number }): string =>
  percent(denominator === 0 ? 0 : numerator / denominator)
const minutes = (ms: number): string =>
  ms < 7_200_000 ? `${Math.floor(ms / 60_000)} minutes` : `${Math.floor(ms / 3_600_000)} hours`
