/** A stand-in for a provider that has no API to be asked: its webhooks alone, written by its sample format. */
import type { ProviderStandIn, StandInOptions } from './stand-in.ts'
import { createWebhookRecord, type Sender } from './webhook-record.ts'

/** Nothing listens: `apiUrl` and `apiKey` are empty. */
export function startWebhookStandIn(sender: Sender, options: StandInOptions = {}): ProviderStandIn {
  const { addEmail, addEvent, webhooks } = createWebhookRecord(sender, options)
  return {
    ...{ apiUrl: '', apiKey: '', addEmail, addEvent, webhooks },
    suppress() {},
    setFaults() {},
    requestCount: () => 0,
    close() {},
  }
}
