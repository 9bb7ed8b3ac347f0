/** `POST /integrations/slack/interactions`: clicks on the buttons of messages in Slack. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from 'koa'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Database } from '../db/database.ts'
import { findEscalation } from '../db/escalations-read.ts'
import { inTime } from '../db/request-deadline.ts'
import type { Caller } from '../domain/access.ts'
import type { EscalationCommand } from '../domain/escalation.ts'
import { projectOfNotice } from '../domain/notice-routing.ts'
import { readRawBody } from '../http/body.ts'
import { Problem } from '../http/problem.ts'
import { withoutMessage } from '../http/request-log.ts'
import { defineRoute, type Route } from '../http/route.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { executeCommand } from './escalations.ts'
import { problemOf } from './problems.ts'
import { isFromSlack } from './slack-signature.ts'

/** A Slack app whose buttons are answered. */
export interface SlackApp {
  readonly signingSecret: string
  /** Whose escalations it posts, and may therefore act on; null: those of all. */
  readonly projects: ReadonlySet<string> | null
  readonly apiUrl: string
}

interface SlackDependencies {
  readonly db: Database
  readonly emailWorkflows: EmailWorkflows
  readonly slackApps: readonly SlackApp[]
  readonly clock: () => number
  readonly log: Logger
}

/** Slack shows an error after 3 seconds without an answer. */
const answerWithinMs = 2_000

/** As the button says. */
const snoozeMs = 3_600_000

/** What we read of an interaction (docs.slack.dev, "block_actions payload"). */
const interaction = z.object({
  type: z.string(),
  user: z.object({ id: z.string().min(1).max(50), name: z.string().optional(), username: z.string().optional() }),
  actions: z.array(z.object({ action_id: z.string(), value: z.string().max(255).optional() })).default([]),
  response_url: z.url().optional(),
})

type Interaction = z.infer<typeof interaction>

export const slackRoutes = (dependencies: SlackDependencies): Route[] => [
  defineRoute(
    {
      method: 'post',
      path: '/integrations/slack/interactions',
      access: 'anyone',
      tag: 'Channels',
      summary: 'Receive clicks on the buttons of messages in Slack',
      description:
        'The interactivity request URL of the Slack app. Verifies the signature over the exact bytes. A command that takes longer than 2 seconds is ' +
        'answered before it is finished; Slack shows the person why it failed, if it does.',
      upload: ['application/x-www-form-urlencoded'],
      answers: { 200: { description: 'The click was taken, or needs nothing' } },
      problems: {
        401: 'The signature is missing or not valid, or too old',
        404: 'No Slack app is configured, or it gets no messages about such an escalation',
        409: 'The state of the escalation does not allow the command',
        503: 'PostgreSQL or Temporal does not answer',
      },
    },
    async (ctx) => {
      const { app, click } = await verified(ctx, dependencies)
      await answerClick(ctx, dependencies, app, click)
      ctx.body = null
      ctx.status = 200
    },
  ),
]

/** @throws Problem 404 without an app, 401 if none has signed the request, 400 if it is no interaction. */
async function verified(ctx: Context, { slackApps, clock }: SlackDependencies) {
  if (slackApps.length === 0) throw new Problem(404, 'no Slack app is configured: set CHANNELS and its SIGNING_SECRET')
  const body = await readRawBody(ctx)
  const app = slackApps.find(({ signingSecret }) =>
    isFromSlack({ body, headers: ctx.req.headers }, signingSecret, clock()),
  )
  if (!app) throw new Problem(401, 'signature missing, not valid or too old: check the SIGNING_SECRET and the clock')
  const click = interactionIn(new URLSearchParams(body.toString()).get('payload'))
  if (!click) throw new Problem(400, 'the body must have an interaction as payload')
  return { app, click }
}

function interactionIn(payload: string | null): Interaction | null {
  try {
    return interaction.safeParse(JSON.parse(payload ?? '')).data ?? null
  } catch {
    return null
  }
}

/** Links are buttons too, and their clicks need nothing. */
async function answerClick(ctx: Context, dependencies: SlackDependencies, app: SlackApp, click: Interaction) {
  const { db, log, clock } = dependencies
  const [action] = click.actions
  const by = personOf(click)
  const command = commandOf(action?.action_id, by, clock())
  const id = action?.value
  if (!command || id === undefined) return
  // For the audit log.
  const caller: Caller = { name: by, scopes: ['escalate'], project: null }
  Object.assign(ctx.state, { caller, subject: id })
  const escalation = await inTime(() => findEscalation(db, id))
  if (!escalation || !(app.projects?.has(projectOfNotice(escalation)) ?? true)) {
    throw new Problem(404, 'this app gets no messages about such an escalation')
  }
  const executed = executeCommand(dependencies, id, { command, requested: command.do }).catch(async (error) => {
    await explain(app, click, error).catch((failure) =>
      log.warn({ err: withoutMessage(failure) }, 'a person in Slack could not be answered'),
    )
    throw error
  })
  const slow = new AbortController()
  // After the answer nothing awaits it any more: Slack has shown the person what failed.
  executed.catch(() => {})
  await Promise.race([executed, pause(answerWithinMs, undefined, { signal: slow.signal }).catch(() => {})])
  slow.abort()
}

/** A name, which enters Temporal histories: a name with an @ may be an address. */
function personOf({ user: { id, name, username } }: Interaction): string {
  const shown = name ?? username ?? id
  return `${shown.includes('@') ? id : shown.slice(0, 50)} (Slack)`
}

function commandOf(actionId: string | undefined, by: string, now: number): EscalationCommand | null {
  switch (actionId) {
    case 'aftersend.acknowledge':
      return { do: 'acknowledge', by }
    case 'aftersend.snooze':
      return { do: 'snooze', by, until: now + snoozeMs }
    case 'aftersend.resolve':
      return { do: 'resolve', by }
    default:
      return null
  }
}

/** Says why a command failed, to the person alone (docs.slack.dev, "Handling user interaction": response_url). */
async function explain(app: SlackApp, { response_url: url }: Interaction, error: unknown): Promise<void> {
  if (url === undefined || !isSlacks(url, app)) return
  const why = error instanceof Problem ? error.message : (problemOf(error)?.message ?? 'internal error')
  const body = JSON.stringify({ response_type: 'ephemeral', replace_original: false, text: `Aftersend: ${why}.` })
  const headers = { 'content-type': 'application/json' }
  const signal = AbortSignal.timeout(answerWithinMs)
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  await response.body?.cancel()
}

/** The signature covers the URL; whoever has the secret must still not make us call others. */
function isSlacks(url: string, { apiUrl }: SlackApp): boolean {
  const { protocol, hostname, origin } = new URL(url)
  return origin === new URL(apiUrl).origin || (protocol === 'https:' && /\.slack(-gov)?\.com$/.test(hostname))
}
