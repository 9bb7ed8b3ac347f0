/** The list of escalations, and the forms to acknowledge, snooze and resolve them. */
import ms from 'ms'
import { z } from 'zod'
import { executeCommand } from '../api/escalations.ts'
import type { Database } from '../db/database.ts'
import { listEscalations } from '../db/escalations-read.ts'
import type { Escalation } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { escalationScopes } from '../domain/access.ts'
import { type EscalationCommand, escalationStates } from '../domain/escalation.ts'
import { cursor, cursorTime, name, pageOf, parseInput } from '../http/input.ts'
import { CommandRefusedError, type EmailWorkflows } from '../temporal/email-workflows.ts'
import { snoozes } from './components/escalation-card.tsx'
import { EscalationGroupCard } from './components/escalation-group.tsx'
import { phrase } from './components/labels.ts'
import { EmptyState, PageHead } from './components/layout.tsx'
import { type PageLinks, Pager } from './components/pager.tsx'
import { Tabs } from './components/tabs.tsx'
import { type EscalationGroup, readGroups } from './escalation-causes.ts'
import { readForm, seeOther, sessionOf } from './guards.ts'
import { type PageRenderer, withNotice } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import { localPath, pathWith } from './paths.ts'

interface EscalationPagesDependencies {
  readonly db: Database
  readonly emailWorkflows: EmailWorkflows
  readonly pages: PageRenderer
  readonly clock: () => number
}

/** Long, since those of one cause are one card. */
const pageLength = 100

const querySchema = z.object({
  state: z.enum(escalationStates).optional().catch(undefined),
  cursor: cursor(z.object({ openedAt: cursorTime, id: name(255) })).catch(null),
})

const commandPath = z.object({ id: name(255), command: z.enum(['acknowledge', 'snooze', 'resolve']) })
const snoozeDurations = Object.keys(snoozes) as (keyof typeof snoozes)[]
const snoozeForm = z.object({
  for: z.enum(snoozeDurations, `must be one of ${snoozeDurations.join(', ')}`).transform((duration) => ms(duration)),
})

/** The escalation's version on the page: a form that is sent twice is one command. */
const versionForm = z.object({ version: z.coerce.number().int().optional().catch(undefined) })

/** The escalations of a card, each as its version on the page and its ID. */
const acknowledgedForm = z
  .array(
    z.string().transform((text, issues) => {
      const [, version, id] = /^(\d{1,9}) (\S{1,255})$/.exec(text) ?? []
      if (version !== undefined && id !== undefined) return { version: Number(version), id }
      issues.addIssue({ code: 'custom', message: 'must be a version and an ID' })
      return z.NEVER
    }),
  )
  .min(1)
  .max(pageLength)

const done = { acknowledge: 'acknowledged', snooze: 'snoozed', resolve: 'resolved' } as const

export function addEscalationPages(
  router: PageRouter,
  { db, emailWorkflows, pages, clock }: EscalationPagesDependencies,
): void {
  router.get('/escalations', 'read', async (ctx) => {
    const { state, cursor: after } = querySchema.parse(ctx.query)
    const rows = await inTime(() => listEscalations(db, { state }, after, pageLength + 1))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const groups = await inTime(() => readGroups(db, data))
    const links = { path: '/escalations', query: { state }, nextCursor, isFurther: after !== null }
    const body = <EscalationList groups={groups} state={state} links={links} />
    await pages.show(ctx, { title: 'Escalations', section: '/escalations', live: '/live', body })
  })

  router.post('/escalations/acknowledge', escalationScopes, async (ctx) => {
    const { fields, all } = await readForm(ctx)
    const chosen = parseInput(acknowledgedForm, all.getAll('escalation'), 'body')
    const command: EscalationCommand = { do: 'acknowledge', by: sessionOf(ctx).name }
    for (const { id, version } of chosen) {
      await executeCommand({ db, emailWorkflows }, id, { command, version }).catch(ignoreRefusal)
    }
    seeOther(ctx, withNotice(localPath(fields['back']), done.acknowledge))
  })

  router.post('/escalations/:id/:command', escalationScopes, async (ctx) => {
    const { id, command } = parseInput(commandPath, ctx.params, 'path')
    const { fields } = await readForm(ctx)
    const by = sessionOf(ctx).name
    const commands: Record<typeof command, () => EscalationCommand> = {
      acknowledge: () => ({ do: 'acknowledge', by }),
      resolve: () => ({ do: 'resolve', by }),
      snooze: () => ({ do: 'snooze', by, until: clock() + parseInput(snoozeForm, fields, 'body').for }),
    }
    const { version } = versionForm.parse(fields)
    await executeCommand({ db, emailWorkflows }, id, {
      command: commands[command](),
      requested: fields['for'],
      version,
    })
    seeOther(ctx, withNotice(localPath(fields['back']), done[command]))
  })
}

/** Of several, one may have been resolved in the meantime: the others are acknowledged all the same. */
function ignoreRefusal(error: unknown): void {
  if (!(error instanceof CommandRefusedError)) throw error
}

const positionOf = (row: Escalation) => ({ openedAt: row.openedAt.toISOString(), id: row.id })

interface EscalationListProps {
  readonly groups: readonly EscalationGroup[]
  readonly state: string | undefined
  readonly links: PageLinks
}

const EscalationList = ({ groups, state, links }: EscalationListProps) => (
  <>
    <PageHead title="Escalations" />
    <Tabs
      label="By state"
      tabs={[undefined, ...escalationStates].map((tab) => ({
        name: tab === undefined ? 'All' : phrase(tab),
        href: pathWith('/escalations', { state: tab }),
        isCurrent: tab === state,
      }))}
    />
    {groups.length > 0 ? (
      <>
        <div class="stack">
          {groups.map((group) => (
            <EscalationGroupCard key={group.key} of={group} back={pathWith('/escalations', { state })} />
          ))}
        </div>
        <Pager {...links} />
      </>
    ) : (
      <EmptyState title={state === undefined ? 'No escalations yet' : `No escalations are ${state}`}>
        An escalation is opened, and a notification sent, when an email stalls or a critical email bounces.{' '}
        <a href="/setup">Set up notifications</a>
      </EmptyState>
    )}
  </>
)
