/** Why a file could not be written. Messages hold no key and no path. */

/** The store does not answer, or not now. What was to be written can be tried again. */
export class DestinationUnreachableError extends Error {
  override name = 'DestinationUnreachableError'
}

/** The store refuses: a wrong key, a missing right or bucket. The message says what to check. */
export class DestinationRefusedError extends Error {
  override name = 'DestinationRefusedError'
}
