/** Rules on the statuses of Azure Communication Services. They say less than a reply does, so they come after the texts. */
import type { FailureRule } from '../failure.ts'

const source = 'Microsoft, @azure/eventgrid-systemevents: AcsEmailDeliveryReportStatus'

export const azureRules: readonly FailureRule[] = [
  { id: 'azure.spam', source, reason: 'spam_content', word: /^deliveryreport (?:filteredspam|quarantined)$/ },
]
