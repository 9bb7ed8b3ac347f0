/** What Aftersend asks of a provider's adapter. */
import type { IncomingHttpHeaders } from 'node:http'
import type { ReceivedEvent } from '../domain/events.ts'

/** One provider's webhooks: is it genuine, and what does it say. */
export interface Provider {
  /** As in `/webhooks/:provider` and in workflow IDs. */
  readonly name: string
  /** Whether any of `secrets` signed exactly these bytes. Constant time per secret; never throws, whatever the headers. */
  verify(rawBody: Buffer, headers: IncomingHttpHeaders, secrets: readonly string[]): boolean
  /**
   * The events that a genuine body holds.
   * @param receivedAt by our clock, epoch milliseconds.
   * @throws InvalidEventError with a sentence for the provider's developer; nothing of the body is stored then.
   */
  parse(rawBody: Buffer, receivedAt: number): ReceivedEvent[]
}

/** A provider with the secrets that may sign its webhooks: several while one is rotated. */
export interface WebhookSource {
  readonly provider: Provider
  readonly secrets: readonly string[]
}

/** A provider that can be asked about one email: how a lost webhook is told from a stall. */
export interface ProviderApi {
  /**
   * What the provider knows of the email's delivery, as events with IDs that stay the same however often it is asked.
   * Opens and clicks are left out: they are counted, and the webhook may still come.
   * @throws if the provider can't be reached or refuses; retrying is the caller's.
   */
  fetchEvents(emailId: string): Promise<ReceivedEvent[]>
}

/** A genuine body that is no event. The message says what is wrong; it holds no part of the body. */
export class InvalidEventError extends Error {
  override name = 'InvalidEventError'
}
