/** The first and the last moment at which some events were received; epoch milliseconds. */
export type ReceivedBetween = readonly [from: number, to: number]

/** Between when these were received. @param events at least one. */
export const receivedBetween = (events: readonly { readonly receivedAt: number }[]): ReceivedBetween => {
  const times = events.map(({ receivedAt }) => receivedAt)
  return [Math.min(...times), Math.max(...times)]
}
