/** A stand-in for a provider that has no API to be asked: its webhooks alone, written by its sample format. */
import { recordEvents, type Sender } from './recorded-events.ts'
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'

/** What a provider does not report has no webhook. Nothing listens: `apiUrl` and `apiKey` are empty. */
export function startWebhookStandIn(sender: Sender, options: StandInOptions = {}): ProviderStandIn {
  const { addEmail, addEvent, webhooks } = recordEvents(sender, options)
  return {
    ...{ apiUrl: '', apiKey: '', addEmail, addEvent, webhooks },
    suppress() {},
    setFaults() {},
    requestCount: () => 0,
    close() {},
  }
}
