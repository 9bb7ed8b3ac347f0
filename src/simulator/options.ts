/** The options of a simulation, its target and its output. */
import type { ProviderFaults } from './provider-faults.ts'

/** The running system. */
export interface Target {
  /** Without a slash at its end. */
  readonly apiUrl: string
  readonly webhookSecret: string
  readonly apiKey: string
}

export interface Output {
  readonly print: (text: string) => void
  readonly progress: NodeJS.WriteStream
}

export interface SimulateOptions {
  readonly emails: number
  readonly rate: number
  readonly seed: number
  readonly speed: number
  readonly verify: boolean
  readonly timeoutMs: number
  readonly concurrency: number
  readonly run: string
  readonly url: string | undefined
  readonly secret: string | undefined
  readonly apiKey: string | undefined
  readonly showsProgress: boolean
  readonly json: boolean
  /** The name of the provider to simulate. */
  readonly provider: string
  /** With the provider's stand-in, which Aftersend asks. Null: webhooks alone. */
  readonly standIn: { readonly port: number; readonly faults: ProviderFaults } | null
}
