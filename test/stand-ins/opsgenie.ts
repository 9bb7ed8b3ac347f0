/** Opsgenie's Alert API (docs.opsgenie.com, "Alert API"): create, acknowledge, snooze and close, by alias. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { startStandInServer } from '../../src/stand-ins/server.ts'

const created = z.strictObject({
  message: z.string().min(1).max(130),
  alias: z.string().min(1).max(512),
  description: z.string().max(15_000).optional(),
  priority: z.enum(['P1', 'P2', 'P3', 'P4', 'P5']),
  entity: z.string().max(512).optional(),
  source: z.string().max(100).optional(),
  tags: z.array(z.string().max(50)).max(20).optional(),
  details: z.record(z.string(), z.string()).optional(),
})

const by = { user: z.string().max(100).optional(), source: z.string().max(100).optional() }

const actions = {
  acknowledge: z.strictObject(by),
  close: z.strictObject(by),
  snooze: z.strictObject({ ...by, endTime: z.iso.datetime() }),
} as const

export interface OpsgenieAlert extends z.infer<typeof created> {
  state: 'open' | keyof typeof actions
  count: number
}

export async function startOpsgenieStandIn() {
  const apiKey = randomUUID()
  const alerts = new Map<string, OpsgenieAlert>()
  const accepted = { status: 202, body: { result: 'Request will be processed', took: 0.1, requestId: randomUUID() } }
  const invalid = { status: 422, body: { message: 'Request body is not processable.' } }

  const server = await startStandInServer({
    clock: Date.now,
    isAuthorized: ({ headers }) => headers.authorization === `GenieKey ${apiKey}`,
    answer({ method, path, query, body }) {
      const [, alias, action] = /^\/v2\/alerts(?:\/([^/]+)\/(acknowledge|snooze|close))?$/.exec(path) ?? ['none']
      if (method !== 'POST' || !path.startsWith('/v2/alerts')) return { status: 404, body: {} }
      const json = JSON.parse(body)
      if (alias === undefined || action === undefined) {
        const { data } = created.safeParse(json)
        if (!data) return invalid
        const known = alerts.get(data.alias)
        const count = known && known.state !== 'close' ? known.count + 1 : 1
        alerts.set(data.alias, { ...data, state: count > 1 ? (known?.state ?? 'open') : 'open', count })
        return accepted
      }
      const alert = alerts.get(alias)
      const isValid = actions[action as keyof typeof actions].safeParse(json).success
      if (query.get('identifierType') !== 'alias' || !isValid) return invalid
      if (alert) alert.state = action as keyof typeof actions
      return accepted
    },
  })
  return { ...server, apiKey, alerts }
}
