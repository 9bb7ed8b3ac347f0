/** The idempotency key of an event. */
export interface EventKey {
  readonly provider: string
  readonly id: string
}

/** A key as text, for maps, sets and sorting. */
export const textOfKey = ({ provider, id }: EventKey): string => `${provider}\n${id}`

/** The key of a stored event, with the time that determines its month. */
export interface StoredEventKey extends EventKey {
  /** Epoch milliseconds. */
  readonly receivedAt: number
}
