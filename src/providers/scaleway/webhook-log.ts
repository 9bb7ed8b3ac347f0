/**
 * The log of a webhook, `GET /webhooks/{id}/events`: every event that was sent to its topic, arrived or not, with "data sent to the Webhook
 * destination". So its events are those of the webhook, under the same IDs.
 */
import { z } from 'zod'
import type { ReceivedEvent } from '../../domain/events.ts'
import { createAdapter } from '../adapter.ts'
import { isObject, jsonIn, timeIn } from '../fields.ts'
import { InvalidEventError } from '../provider.ts'
import { pageSize, type ScalewayRequests, undocumentedAnswer } from './requests.ts'
import { scalewayForm } from './webhook.ts'

const logForm = z.object({ webhook_events: z.array(z.object({ data: z.string(), created_at: z.string().nullish() })) })

interface LogPage {
  readonly events: readonly ReceivedEvent[]
  /** Of the oldest entry, epoch milliseconds; null for an empty page. */
  readonly oldestAt: number | null
  readonly isLast: boolean
}

/** A page, the newest first. @param emailId only those of one email. */
export async function readLog(
  requests: ScalewayRequests,
  webhookId: string,
  page: number,
  emailId?: string,
): Promise<LogPage> {
  const path = `/webhooks/${encodeURIComponent(webhookId)}/events`
  const query = { page, page_size: pageSize, order_by: 'created_at_desc' }
  const answer = await requests.get(logForm, path, { ...query, ...(emailId !== undefined && { email_id: emailId }) })
  // The webhook was deleted meanwhile.
  const entries = answer?.webhook_events ?? []
  const now = Date.now()
  return {
    events: entries.flatMap(({ data }) => eventsIn(data, now)),
    oldestAt: timeIn([entries.at(-1)?.created_at]),
    isLast: entries.length < pageSize,
  }
}

/** Nothing is verified in an answer of the API. */
const log = createAdapter({ ...scalewayForm, verify: () => false })

/** None of what the webhook would be refused for. */
function eventsIn(data: string, now: number): ReceivedEvent[] {
  const entry = jsonIn(data)
  if (!isObject(entry)) throw undocumentedAnswer()
  try {
    return log.eventsOf(entry, now, data)
  } catch (error) {
    if (error instanceof InvalidEventError) return []
    throw error
  }
}

/** What an email's delivery consists of, so that a log without any of them is incomplete. */
export const deliveryTypes: readonly string[] = Object.keys(scalewayForm.types).filter((type) =>
  type.startsWith('email_'),
)
