/**
 * A webhook of the Workflows app of Microsoft Teams (learn.microsoft.com, "Create incoming webhooks with Workflows"), with the parts of the
 * schema of Adaptive Cards 1.4 that we use (adaptivecards.io/schemas/adaptive-card.json) and Teams' limit of 28 KB.
 */
import { z } from 'zod'
import { startStandInServer } from '../../src/stand-ins/server.ts'

const textBlock = z.strictObject({
  type: z.literal('TextBlock'),
  // Markdown: a link from outside would be one.
  text: z
    .string()
    .min(1)
    .regex(/^[^[\]]*$/),
  wrap: z.boolean().optional(),
  size: z.enum(['Default', 'Small', 'Medium', 'Large', 'ExtraLarge']).optional(),
  weight: z.enum(['Default', 'Lighter', 'Bolder']).optional(),
})

const factSet = z.strictObject({
  type: z.literal('FactSet'),
  facts: z.array(z.strictObject({ title: z.string(), value: z.string() })).min(1),
})

const openUrl = z.strictObject({ type: z.literal('Action.OpenUrl'), title: z.string(), url: z.url() })

const card = z.strictObject({
  $schema: z.literal('http://adaptivecards.io/schemas/adaptive-card.json'),
  type: z.literal('AdaptiveCard'),
  version: z.enum(['1.4', '1.5']),
  body: z.array(z.discriminatedUnion('type', [textBlock, factSet])).min(1),
  actions: z.array(openUrl).max(6).optional(),
})

const message = z.strictObject({
  type: z.literal('message'),
  attachments: z
    .array(
      z.strictObject({
        contentType: z.literal('application/vnd.microsoft.card.adaptive'),
        contentUrl: z.null(),
        content: card,
      }),
    )
    .length(1),
})

export async function startTeamsStandIn() {
  const cards: z.infer<typeof card>[] = []
  const path = '/workflows/0123/triggers/manual/paths/invoke'
  const server = await startStandInServer({
    clock: Date.now,
    isAuthorized: (request) => request.path === path && request.query.get('sig') === 'signature',
    answer({ body }) {
      const [attachment] = message.safeParse(JSON.parse(body)).data?.attachments ?? []
      if (!attachment || body.length > 28_000)
        return { status: 400, body: { error: { code: 'TriggerInputSchemaMismatch' } } }
      cards.push(attachment.content)
      return { status: 202, body: {} }
    },
  })
  return { ...server, url: `${server.apiUrl}${path}?api-version=1&sig=signature`, cards }
}
