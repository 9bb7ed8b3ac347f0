/** Notices as events of PagerDuty: Events API v2 (developer.pagerduty.com, "Send an Alert Event" and "PagerDuty Common Event Format"). */

import type { EscalationState } from '../domain/escalation.ts'
import { incidentIn } from '../domain/incident.ts'
import { projectOfNotice } from '../domain/notice-routing.ts'
import type { SupportChannel, SupportNotice } from './channel.ts'
import { addressLines, eventLine, headlineOf, remedies } from './messages.ts'
import { pageLink } from './page-link.ts'
import { postAndForget, type Receiver } from './post.ts'
import { severityOf } from './severity.ts'

export interface AlertChannelOptions {
  readonly name: string
  /** What the channel's variables begin with. */
  readonly prefix: string
  readonly key: string
  /** Of the service in the account's region, without a slash at its end. */
  readonly apiUrl: string
  readonly publicUrl: string | null
  /** How long the service may take to answer. Default 10 seconds. */
  readonly timeoutMs?: number | undefined
}

/** The last event that was sent, which is the reference. */
type EventAction = 'trigger' | 'acknowledge' | 'resolve'

/** Somebody who snoozes has seen it. */
const actionOf: Readonly<Record<EscalationState, EventAction>> = {
  open: 'trigger',
  acknowledged: 'acknowledge',
  snoozed: 'acknowledge',
  resolved: 'resolve',
}

/**
 * The escalation's ID is the deduplication key, so that each event may be repeated. PagerDuty notifies nobody about a further trigger of what
 * is acknowledged there: when a snooze is over, the old incident is resolved there before.
 */
export function createPagerDutyChannel(options: AlertChannelOptions): SupportChannel {
  const { name, prefix, key, apiUrl, publicUrl, timeoutMs } = options
  const receiver: Receiver = {
    ...{ title: 'PagerDuty', settings: `${prefix}KEY and ${prefix}REGION`, urlSetting: `${prefix}API_URL`, timeoutMs },
  }
  const enqueue = async (dedupKey: string, action: EventAction, content: object = {}): Promise<EventAction> => {
    const event = { routing_key: key, event_action: action, dedup_key: dedupKey, ...content }
    await postAndForget(`${apiUrl}/v2/enqueue`, { body: JSON.stringify(event) }, receiver)
    return action
  }
  const trigger = (notice: SupportNotice) =>
    enqueue(notice.escalationId, 'trigger', contentOf(notice, pageLink(notice, publicUrl)))
  return {
    name,
    async send(notice, last = null) {
      // What is over needs nobody: it would be triggered only to be resolved.
      if (notice.state === 'resolved') return 'resolve'
      if (last === 'acknowledge') await enqueue(notice.escalationId, 'resolve')
      const sent = await trigger(notice)
      return notice.state === 'open' ? sent : enqueue(notice.escalationId, 'acknowledge')
    },
    async showState(notice, last) {
      const action = actionOf[notice.state]
      // The next notice triggers it.
      if (action === 'trigger' || action === last) return last
      return enqueue(notice.escalationId, action)
    },
    async sendTest() {
      const [id, summary] = [`aftersend-test-${Date.now()}`, 'This is a test from Aftersend.']
      await enqueue(id, 'trigger', { payload: { summary, source: 'aftersend', severity: 'info' } })
      await enqueue(id, 'resolve')
    },
  }
}

const contentOf = (notice: SupportNotice, link: string | null) => ({
  payload: {
    summary: headlineOf(notice).slice(0, 1_024),
    source: 'aftersend',
    severity: severityOf(notice),
    timestamp: new Date(notice.openedAt).toISOString(),
    component: incidentIn(notice)?.scope ?? notice.provider,
    group: projectOfNotice(notice),
    class: notice.reason,
    custom_details: {
      what_happened: eventLine(notice),
      what_to_do: remedies[notice.reason],
      ...Object.fromEntries(addressLines(notice).map(([label, value]) => [label.toLowerCase(), value])),
    },
  },
  client: 'Aftersend',
  ...(link !== null && { client_url: link, links: [{ href: link, text: 'Open in Aftersend' }] }),
})
