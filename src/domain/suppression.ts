/** Why an address is not written to. */
export const suppressionReasons = ['hard_bounce', 'complaint', 'repeated_soft_bounces', 'manual'] as const
export type SuppressionReason = (typeof suppressionReasons)[number]
