/**
 * Azure Communication Services: "Azure Communication Services - Email events", in Event Grid's schema, which is its default. It reports the end of a
 * delivery alone, neither the way to it nor delays. Every event names one recipient.
 */
import { type DatedSampleEvent, eventFormat, type SampleEmail, withOneRecipient } from '../sample.ts'
import { uuidOf } from '../sample-fields.ts'

const topic = '/subscriptions/s/resourceGroups/g/providers/microsoft.communication/communicationservices/sample'
const sender = 'hello@example.com'

export const azureFormat = eventFormat(eventOf, {
  emailIdOf: uuidOf,
  adapt: (event, email) => (event.bounce?.isOver === false ? [] : withOneRecipient(event, email)),
  namesAllRecipients: false,
  hasCustomFields: false,
  sendsBatches: true,
  bodyOf: (events, email) => JSON.stringify(events.map((event) => eventOf(event, email))),
})

function eventOf(event: DatedSampleEvent, { id: messageId }: SampleEmail) {
  const isEngagement = event.engagement !== null
  return {
    ...{ id: uuidOf(event.id), topic, subject: `sender/${sender}/message/${messageId}` },
    data: {
      ...{ sender, recipient: event.recipient, messageId },
      ...(isEngagement ? engagementFacts(event) : deliveryFacts(event)),
    },
    eventType: `Microsoft.Communication.${isEngagement ? 'EmailEngagementTrackingReportReceived' : 'EmailDeliveryReportReceived'}`,
    ...{ dataVersion: '1.0', metadataVersion: '1', eventTime: event.at.toISOString() },
  }
}

const deliveryFacts = ({ bounce, at }: DatedSampleEvent) => ({
  status: bounce === null ? 'Delivered' : bounce.class === 'hard' ? 'Bounced' : 'Failed',
  deliveryStatusDetails: { statusMessage: bounce?.message ?? '', recipientMailServerHostName: 'mx.example.com' },
  deliveryAttemptTimestamp: at.toISOString(),
})

const engagementFacts = ({ type, engagement, at }: DatedSampleEvent) => ({
  userActionTimeStamp: at.toISOString(),
  engagementContext: type === 'clicked' ? engagement?.url : '',
  userAgent: engagement?.userAgent,
  engagementType: type === 'clicked' ? 'click' : 'view',
})
