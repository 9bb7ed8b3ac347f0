/** What a comparison with a provider has found: how many agree, how many do now, and why the others do not. */

/** Why an email or an address remained different, in words for people. */
export const differenceReasons = {
  missing_here: 'in the provider’s record, not stored here: a dry run stores nothing',
  not_applied: 'stored here, and not applied yet',
  quarantined: 'an event is quarantined here: replay it',
  state_differs: 'all events are stored and applied, and still give another state',
  erased_here: 'erased here, so that nothing is left to compare',
  other_account: 'received by a further account, whose API has no key here',
  not_kept: 'the provider does not know it any more',
  unknown_to_provider: 'registered here, and the provider does not know it',
  provider_delayed: 'the provider’s record is late: its events are too young',
  known_here_only: 'a webhook reported what the provider’s record does not have',
  added_by_hand: 'added by hand here, and not pushed',
  not_pushed: 'suppressed here, and not pushed',
  removed_at_provider: 'no longer on the provider’s list, and still on ours',
  removed_here: 'removed here, and still on the provider’s list',
} as const
export type DifferenceReason = keyof typeof differenceReasons

export const differenceReasonNames = Object.keys(differenceReasons) as [DifferenceReason, ...DifferenceReason[]]

/** Of emails or of addresses. */
export interface Agreement {
  readonly compared: number
  readonly equal: number
  /** Those that differed, and do not any more. */
  readonly healed: number
  /** Those that still differ, by reason. */
  readonly different: Readonly<Partial<Record<DifferenceReason, number>>>
}

/** The result of an audit; of a push or a removal, of `addresses` only. */
export interface AuditStatement {
  readonly emails: Agreement | null
  /** Null: the provider's lists cannot be read. */
  readonly addresses: Agreement | null
}

export const noAgreement: Agreement = { compared: 0, equal: 0, healed: 0, different: {} }

export const emptyStatement: AuditStatement = { emails: null, addresses: null }

/** The sum of two. */
export function addAgreements(a: Agreement, b: Agreement): Agreement {
  const different = { ...a.different }
  for (const [reason, count] of Object.entries(b.different) as [DifferenceReason, number][])
    different[reason] = (different[reason] ?? 0) + count
  return { compared: a.compared + b.compared, equal: a.equal + b.equal, healed: a.healed + b.healed, different }
}

/** How many of both remained different. */
export const differencesIn = ({ emails, addresses }: AuditStatement): number =>
  [emails, addresses].flatMap((part) => Object.values(part?.different ?? {})).reduce((sum, count) => sum + count, 0)
