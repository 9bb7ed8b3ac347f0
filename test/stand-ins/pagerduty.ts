/** PagerDuty's Events API v2 (developer.pagerduty.com, "Send an Alert Event"), with what its events do to an incident. */
import { z } from 'zod'
import { startStandInServer } from '../../src/stand-ins/server.ts'

const routingKey = 'R0123456789abcdef0123456789abcde'

const common = {
  routing_key: z.literal(routingKey),
  dedup_key: z.string().min(1).max(255),
  client: z.string().optional(),
  client_url: z.url().optional(),
  links: z.array(z.strictObject({ href: z.url(), text: z.string().optional() })).optional(),
}

const payload = z.strictObject({
  summary: z.string().min(1).max(1_024),
  source: z.string().min(1),
  severity: z.enum(['critical', 'error', 'warning', 'info']),
  timestamp: z.iso.datetime().optional(),
  component: z.string().optional(),
  group: z.string().optional(),
  class: z.string().optional(),
  custom_details: z.record(z.string(), z.string()).optional(),
})

const event = z.discriminatedUnion('event_action', [
  z.strictObject({ ...common, event_action: z.literal('trigger'), payload }),
  z.strictObject({ ...common, event_action: z.literal('acknowledge') }),
  z.strictObject({ ...common, event_action: z.literal('resolve') }),
])

type PagerDutyEvent = z.infer<typeof event>

export async function startPagerDutyStandIn() {
  const events: PagerDutyEvent[] = []
  const incidents = new Map<string, 'triggered' | 'acknowledged' | 'resolved'>()
  /** How often somebody was notified: by the first trigger of an incident. */
  let pages = 0

  const apply = ({ event_action: action, dedup_key: key }: PagerDutyEvent) => {
    const state = incidents.get(key) ?? 'resolved'
    if (action === 'trigger' && state === 'resolved') {
      incidents.set(key, 'triggered')
      pages += 1
    }
    if (action === 'acknowledge' && state === 'triggered') incidents.set(key, 'acknowledged')
    if (action === 'resolve') incidents.set(key, 'resolved')
  }

  const server = await startStandInServer({
    clock: Date.now,
    isAuthorized: () => true,
    answer({ method, path, body }) {
      if (method !== 'POST' || path !== '/v2/enqueue') return { status: 404, body: {} }
      const { data, error } = event.safeParse(JSON.parse(body))
      if (!data) return { status: 400, body: { status: 'invalid event', errors: [error?.message] } }
      events.push(data)
      apply(data)
      return { status: 202, body: { status: 'success', message: 'Event processed', dedup_key: data.dedup_key } }
    },
  })
  return { ...server, routingKey, events, incidents, pages: () => pages }
}
