/** What support is asked to look at, and what people do about it. */
import type Router from '@koa/router'
import ms from 'ms'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { carryOutCommand } from '../api/escalations.ts'
import { cursor, cursorTime, name, pageOf, parseInput } from '../api/input.ts'
import type { Database } from '../db/database.ts'
import { listEscalations } from '../db/escalations-read.ts'
import type { Escalation } from '../db/generated/client.ts'
import { type EscalationCommand, escalationStates } from '../domain/escalation.ts'
import type { Lives } from '../temporal/lives.ts'
import { EscalationCard } from './escalation-card.tsx'
import { readForm, sessionOf } from './guards.ts'
import { Empty, PageHead } from './layout.tsx'
import { type PageLinks, Pager, pathWith } from './pager.tsx'
import { backWith, localPath, type Pages, seeOther } from './pages.tsx'
import { Tabs } from './tabs.tsx'
import { phrase } from './words.ts'

interface EscalationPagesDependencies {
  readonly db: Database
  readonly lives: Lives
  readonly pages: Pages
  readonly clock: () => number
}

const pageLength = 30

const query = z.object({
  state: z.enum(escalationStates).optional().catch(undefined),
  cursor: cursor(z.object({ openedAt: cursorTime, id: name(255) })).catch(null),
})

const commandPath = z.object({ id: name(255), command: z.enum(['acknowledge', 'snooze', 'resolve']) })
const snoozeForm = z.object({
  for: z.enum(['30m', '2h', '1d', '7d'], 'wants one of 30m, 2h, 1d, 7d').transform((duration) => ms(duration)),
})

const done = { acknowledge: 'acknowledged', snooze: 'snoozed', resolve: 'resolved' } as const

export function addEscalationPages(router: Router, { db, lives, pages, clock }: EscalationPagesDependencies): void {
  router.get('/escalations', async (ctx) => {
    const asked = query.parse(ctx.query)
    const rows = await inTime(() => listEscalations(db, asked, asked.cursor, pageLength + 1))
    const { data, nextCursor } = pageOf(rows, pageLength, positionOf, rows)
    const links = {
      path: '/escalations',
      query: { state: asked.state },
      nextCursor,
      isFurther: asked.cursor !== null,
    }
    const body = <EscalationList escalations={data} state={asked.state} links={links} />
    await pages.show(ctx, { title: 'Escalations', section: '/escalations', live: '/live', body })
  })

  router.post('/escalations/:id/:command', async (ctx) => {
    const { id, command } = parseInput(commandPath, ctx.params, 'path')
    const { fields } = await readForm(ctx)
    const by = sessionOf(ctx).name
    const commands: Record<typeof command, () => EscalationCommand> = {
      acknowledge: () => ({ do: 'acknowledge', by }),
      resolve: () => ({ do: 'resolve', by }),
      snooze: () => ({ do: 'snooze', by, until: clock() + parseInput(snoozeForm, fields, 'body').for }),
    }
    await carryOutCommand({ db, lives }, id, commands[command]())
    seeOther(ctx, backWith(localPath(fields['back']), done[command]))
  })
}

const positionOf = (row: Escalation) => ({ openedAt: row.openedAt.toISOString(), id: row.id })

interface EscalationListProps {
  readonly escalations: readonly Escalation[]
  readonly state: string | undefined
  readonly links: PageLinks
}

const EscalationList = ({ escalations, state, links }: EscalationListProps) => (
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
    {escalations.length > 0 ? (
      <>
        <div class="stack">
          {escalations.map((escalation) => (
            <EscalationCard
              key={escalation.id}
              escalation={escalation}
              back={pathWith('/escalations', { state })}
              showsEmail
            />
          ))}
        </div>
        <Pager {...links} />
      </>
    ) : (
      <Empty title={state === undefined ? 'Nothing has needed anybody yet' : `None is ${state}`}>
        An email that stalls, or a critical one that bounces, appears here, and support is told.{' '}
        <a href="/setup">See how support is told</a>
      </Empty>
    )}
  </>
)
