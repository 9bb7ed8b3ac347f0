/** Why no email may be sent to an address. */
export const suppressionReasons = ['hard_bounce', 'complaint', 'repeated_soft_bounces', 'manual'] as const
export type SuppressionReason = (typeof suppressionReasons)[number]

/** Reasons that an event causes; a person causes `manual`. */
export type EventSuppressionReason = Exclude<SuppressionReason, 'manual'>
export type SuppressionOutcome =
  | 'suppressed'
  | 'already_suppressed'
  | 'recipient_unclear'
  /** The bounce is not the recipient's fault. */
  | 'not_held_against_recipient'
