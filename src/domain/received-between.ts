/** The earliest and the latest time of receipt of some events; epoch milliseconds. */
export type ReceivedBetween = readonly [from: number, to: number]

/** @param events at least one. */
export const receivedBetween = (events: readonly { readonly receivedAt: number }[]): ReceivedBetween => {
  const times = events.map(({ receivedAt }) => receivedAt)
  return [Math.min(...times), Math.max(...times)]
}
