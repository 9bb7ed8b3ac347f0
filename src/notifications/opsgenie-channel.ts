/**
 * Notices as alerts of Opsgenie (docs.opsgenie.com, "Alert API"). Atlassian ends Opsgenie on 5 April 2027; the API integrations of Jira
 * Service Management take the same requests.
 */
import { incidentIn } from '../domain/incident.ts'
import type { SupportChannel, SupportNotice } from './channel.ts'
import { addressLines, eventLine, headlineOf, remedies } from './messages.ts'
import { pageLink } from './page-link.ts'
import type { AlertChannelOptions } from './pagerduty-channel.ts'
import { postAndForget, type Receiver } from './post.ts'
import { type Severity, severityOf } from './severity.ts'

const priorities: Readonly<Record<Severity, string>> = { critical: 'P1', error: 'P2', warning: 'P3', info: 'P4' }

/** The escalation's ID is the alias: an open alert with the same one is counted up, not created again. */
export function createOpsgenieChannel(options: AlertChannelOptions): SupportChannel {
  const { name, prefix, key, apiUrl, publicUrl, timeoutMs } = options
  const receiver: Receiver = {
    ...{ title: 'Opsgenie', settings: `${prefix}KEY and ${prefix}REGION`, urlSetting: `${prefix}API_URL`, timeoutMs },
  }
  const post = (path: string, content: object) =>
    postAndForget(
      `${apiUrl}/v2/alerts${path}`,
      { headers: { authorization: `GenieKey ${key}` }, body: JSON.stringify({ source: 'Aftersend', ...content }) },
      receiver,
    )
  const act = (alias: string, action: string, content: object) =>
    post(`/${encodeURIComponent(alias)}/${action}?identifierType=alias`, content)
  const showState = async (notice: SupportNotice): Promise<null> => {
    const { escalationId, state, acknowledgedBy, resolvedBy, snoozedUntil } = notice
    if (state === 'acknowledged') await act(escalationId, 'acknowledge', userOf(acknowledgedBy))
    // Opsgenie notifies again by itself when it is over.
    if (state === 'snoozed') await act(escalationId, 'snooze', { endTime: new Date(snoozedUntil ?? 0).toISOString() })
    if (state === 'resolved') await act(escalationId, 'close', userOf(resolvedBy))
    return null
  }
  return {
    name,
    async send(notice) {
      // What is over needs nobody: it would be created only to be closed.
      if (notice.state === 'resolved') return null
      await post('', alertOf(notice, pageLink(notice, publicUrl)))
      return showState(notice)
    },
    showState,
    async sendTest() {
      const alias = `aftersend-test-${Date.now()}`
      await post('', { message: 'This is a test from Aftersend.', alias, priority: 'P5' })
      await act(alias, 'close', {})
    },
  }
}

const userOf = (by: string | null): object => (by === null ? {} : { user: by.slice(0, 100) })

function alertOf(notice: SupportNotice, link: string | null) {
  const lines = [eventLine(notice), `What to do: ${remedies[notice.reason]}`]
  const addresses = addressLines(notice).map(([label, value]) => `${label}: ${value}`)
  return {
    message: headlineOf(notice).slice(0, 130),
    alias: notice.escalationId,
    description: [...addresses, ...lines, ...(link === null ? [] : [link])].join('\n\n').slice(0, 15_000),
    priority: priorities[severityOf(notice)],
    entity: (incidentIn(notice)?.scope ?? notice.provider).slice(0, 512),
    tags: [notice.reason],
    details: { escalation: notice.escalationId, ...(link !== null && { page: link }) },
  }
}
