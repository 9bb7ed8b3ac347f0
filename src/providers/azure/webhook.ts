/**
 * Azure Communication Services, whose events arrive through Event Grid. Sources: Microsoft's "Azure Communication Services - Email events"
 * for events and fields, its SDK `@azure/eventgrid-systemevents` for the statuses, "Custom delivery properties" for the header with
 * the credential, and "Endpoint validation" with Event Grid's and with the CloudEvents schema for the handshakes.
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { messageIdIn, messageIdKey, ownIdsOf } from '../custom-fields.ts'
import { oneOrMoreEntries } from '../entries.ts'
import type { BounceReport } from '../event-builder.ts'
import { identifier, idForm, isObject, type Json, jsonIn, partOf, required, textIn } from '../fields.ts'
import { credentialProof } from '../proof.ts'
import type { Consent, WebhookRequest } from '../provider.ts'

const [deliveryReport, engagementReport] = ['EmailDeliveryReportReceived', 'EmailEngagementTrackingReportReceived']

/** Event Grid's schema has `eventType` and `eventTime`, that of CloudEvents `type` and `time`. */
const typeOf = (entry: Json): unknown => entry['eventType'] ?? entry['type']

const isReport = (entry: Json, report: string | undefined): boolean =>
  typeOf(entry) === `Microsoft.Communication.${report}`

export const azure: Adapter = createAdapter({
  name: 'azure',
  // Event Grid signs nothing.
  verify: credentialProof.verify,
  entriesIn: oneOrMoreEntries,
  emailIdName: 'data.messageId',
  wordOf: (entry) => textIn(partOf(entry, 'data'), ['status', 'engagementType'])?.toLowerCase() || typeOf(entry),
  types: {
    view: 'opened',
    click: 'clicked',
    bounced: 'bounced',
    failed: 'bounced',
    filteredspam: 'bounced',
    quarantined: 'bounced',
    suppressed: 'bounced',
  },
  // Text messages, calls, and Event Grid's events about the subscription itself.
  isAboutNoEmail: (entry) => ![deliveryReport, engagementReport].some((report) => isReport(entry, report)),
  factsOf(entry) {
    const data = partOf(entry, 'data')
    const messageId = messageIdIn(textIn(data, ['internetMessageId']))
    return {
      id: required('event ID', idForm, [entry['id']]),
      emailId: data['messageId'],
      // The documentation and events of 2026 spell the first one differently.
      times: ['deliveryAttemptTimeStamp', 'deliveryAttemptTimestamp', 'userActionTimeStamp', 'userActionTimestamp']
        .map((field) => data[field])
        .concat(entry['eventTime'], entry['time']),
      recipient: textIn(data, ['recipient']),
      userAgent: textIn(data, ['userAgent']),
      response: [statusMessageIn(data)],
      ownIds: ownIdsOf(messageId === null ? {} : { [messageIdKey]: messageId }),
    }
  },
  bounceOf,
  consentTo,
})

/** Microsoft has stopped trying: it reports no attempts, only the end. `Bounced` and `Suppressed` are about the address. */
function bounceOf(entry: Json, status: string): BounceReport {
  const data = partOf(entry, 'data')
  return {
    class: status === 'bounced' || status === 'suppressed' ? 'hard' : 'soft',
    message: statusMessageIn(data),
    word: 'DeliveryReport',
    subWord: textIn(data, ['status']),
    host: textIn(partOf(data, 'deliveryStatusDetails'), ['recipientMailServerHostName']),
    isOver: true,
  }
}

/** Until 2023 it was a text: `DeliveryStatusDetails`. */
const statusMessageIn = (data: Json): string | null =>
  textIn(partOf(data, 'deliveryStatusDetails'), ['statusMessage']) || textIn(data, ['DeliveryStatusDetails'])

/** With the CloudEvents schema, Event Grid asks by OPTIONS; with its own, by an event with a code, which must be answered. */
function consentTo({ method, headers, rawBody }: WebhookRequest): Consent | null {
  const origin = headers['webhook-request-origin']
  if (method === 'OPTIONS' && typeof origin === 'string' && /^[\w.*-]{1,255}$/.test(origin)) {
    return { headers: { Allow: 'POST', 'WebHook-Allowed-Origin': origin, 'WebHook-Allowed-Rate': '*' }, body: {} }
  }
  if (headers['aeg-event-type'] !== 'SubscriptionValidation') return null
  const body = jsonIn(String(rawBody))
  const [event] = Array.isArray(body) ? body.filter(isObject) : []
  const { data: code } = identifier.safeParse(partOf(event ?? {}, 'data')['validationCode'])
  return code === undefined ? null : { headers: {}, body: { validationResponse: code } }
}
