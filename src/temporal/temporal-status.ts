/** Whether Temporal accepts this process's signals at present. */
export interface TemporalStatus {
  /** `away`: it does not answer. `refused`: it rejects our calls, for example for a wrong key. */
  readonly state: 'flowing' | 'away' | 'refused'
  /** Since when, in epoch milliseconds; null while `flowing`. */
  readonly since: number | null
  /** Temporal's message, and what to do; null while `flowing`. */
  readonly detail: string | null
}

export const flowing: TemporalStatus = { state: 'flowing', since: null, detail: null }
