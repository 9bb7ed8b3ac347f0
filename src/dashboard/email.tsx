/** One email: where it stands, its life as a picture, and every event with what it did. */
import type Router from '@koa/router'
import { z } from 'zod'
import { inTime } from '../api/deadlines.ts'
import { foldable, storedEmailView, unappliedEmailView } from '../api/email-view.ts'
import { emailId, name, parseInput } from '../api/input.ts'
import { Problem } from '../api/problem.ts'
import type { Database } from '../db/database.ts'
import { findEmail, readEscalationsOf, readEventsOf, type StoredEvent } from '../db/emails-read.ts'
import type { Email, Escalation, Suppression } from '../db/generated/client.ts'
import { findActiveSuppressions } from '../db/suppressions.ts'
import { normalizeAddress } from '../domain/address.ts'
import { effectsOf } from '../domain/event-effect.ts'
import { registrationEventType } from '../domain/events.ts'
import { registrationPayloadOf } from '../domain/received-event.ts'
import type { WebUi } from './dashboard.ts'
import { EmailFacts, type EmailView } from './email-facts.tsx'
import { EmailPicture, type PictureMoment, toneOfMoment } from './email-picture.tsx'
import { Recipients, Subject } from './email-rows.tsx'
import { EscalationCard } from './escalation-card.tsx'
import { EventTable, type ToldEvent } from './event-table.tsx'
import { PageHead } from './layout.tsx'
import { pathWith } from './pager.tsx'
import type { Pages } from './pages.tsx'
import { Status } from './status.tsx'
import { phrase } from './words.ts'

interface EmailPageDependencies {
  readonly db: Database
  readonly pages: Pages
  readonly webUi: WebUi | null
}

const path = z.object({ provider: name(64), id: emailId })
const query = z.object({ events: z.literal('all').optional() })

export function addEmailPage(router: Router, { db, pages, webUi }: EmailPageDependencies): void {
  router.get('/emails/:provider/:id', async (ctx) => {
    const { provider, id } = parseInput(path, ctx.params, 'path')
    const { events } = parseInput(query, ctx.query, 'query')
    const found = await inTime(() => readEmail(db, provider, id))
    if (found === null) throw new Problem(404, 'nothing was heard of such an email')
    const live = `/live?${new URLSearchParams({ provider, email: id })}`
    const body = <EmailBody {...found} webUi={webUi} url={ctx.path} wantsAll={events === 'all'} />
    await pages.show(ctx, { title: found.email.subject ?? id, section: '/emails', live, body })
  })
}

interface FoundEmail {
  readonly email: EmailView
  readonly events: readonly ToldEvent[]
  readonly escalations: readonly Escalation[]
  /** Whether some of its events, or all, were older than events are kept. */
  readonly hasDropped: boolean
  /** What suppresses its only recipient; null where nothing does, or there are several. */
  readonly suppression: Suppression | null
}

async function readEmail(db: Database, provider: string, id: string): Promise<FoundEmail | null> {
  const [row, allEvents, allEscalations] = await Promise.all([
    findEmail(db, id, provider),
    readEventsOf(db, [id]),
    readEscalationsOf(db, [id]),
  ])
  const events = allEvents.filter((event) => event.provider === provider)
  const escalations = allEscalations.filter((escalation) => escalation.provider === provider)
  if (row === null && events.length === 0) return null
  const email = row ? storedEmailView(row, events, escalations) : unappliedEmailView(events, escalations)
  const registration = registrationPayloadOf({
    as: row?.registeredAsSent === false ? 'queued' : 'sent',
    priority: null,
  })
  const recipient = typeof email.to === 'string' ? normalizeAddress(email.to) : null
  const [suppression = null] = recipient === null ? [] : await findActiveSuppressions(db, [recipient])
  return {
    email,
    events: toldEvents(events, registration),
    hasDropped: row !== null && lacksFirst(row, events),
    escalations,
    suppression,
  }
}

/** An email is stored with its first event, and remembers when that was received: without it, its month was dropped. */
const lacksFirst = ({ firstReceivedAt }: Email, events: readonly StoredEvent[]): boolean =>
  firstReceivedAt !== null && events.every(({ receivedAt }) => receivedAt > firstReceivedAt)

/** Events with what they did, as far as they were applied. */
function toldEvents(events: readonly StoredEvent[], registration: string): ToldEvent[] {
  const effects = effectsOf(
    events.filter((event) => event.quarantinedReason === null).map((event) => foldable(event, registration)),
  )
  return events.map((event) => ({ ...event, effect: effects.get(event.eventId) ?? null }))
}

interface EmailBodyProps extends FoundEmail {
  readonly webUi: WebUi | null
  readonly url: string
  /** Whether every event is to be shown, however many there are. */
  readonly wantsAll: boolean
}

const EmailBody = ({ email, events, hasDropped, escalations, suppression, webUi, url, wantsAll }: EmailBodyProps) => (
  <>
    <p class="crumb">
      <a href="/emails">Emails</a>
    </p>
    <PageHead title={<Subject of={email.subject} />}>
      {typeof email.to === 'string' && suppression === null && <Suppressing address={email.to} back={url} />}
      {webUi && (
        <a class="button" href={workflowUrl(webUi, email.workflowId)} rel="noreferrer">
          Workflow in Temporal
        </a>
      )}
    </PageHead>
    <p class="lead">
      <Status of={email.status} />
      <span>
        to <Recipients of={addresses(email.to)} />
      </span>
      {suppression && (
        <a href={pathWith('/suppressions', { q: suppression.address })}>
          suppressed: {phrase(suppression.reason).toLowerCase()}
        </a>
      )}
    </p>
    <section class="card" aria-labelledby="life">
      <h2 id="life">Its life</h2>
      <EmailPicture moments={momentsOf(events, escalations)} label={`The life of email ${email.id}`} />
    </section>
    {escalations.map((escalation) => (
      <EscalationCard key={escalation.id} escalation={escalation} back={url} />
    ))}
    <EmailFacts email={email} />
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      {hasDropped && (
        <p class="muted">
          {events.length === 0 ? 'Its events' : 'Its earlier events'} are older than events are kept (RETAIN_EVENTS) and
          were dropped. What became of the email stays.
        </p>
      )}
      <EventTable events={events} allAt={wantsAll ? null : `${url}?events=all#events`} />
    </section>
  </>
)

const Suppressing = ({ address, back }: { address: string; back: string }) => (
  <form method="post" action="/suppressions">
    <input type="hidden" name="address" value={address} />
    <input type="hidden" name="note" value="From the page of an email" />
    <input type="hidden" name="back" value={back} />
    <button type="submit">Suppress recipient</button>
  </form>
)

const addresses = (to: EmailView['to']): readonly string[] => (to === null ? [] : typeof to === 'string' ? [to] : to)

const workflowUrl = ({ url, namespace }: WebUi, workflowId: string): string =>
  `${url}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`

function momentsOf(events: readonly ToldEvent[], escalations: readonly Escalation[]): PictureMoment[] {
  const told = events
    .filter(({ effect, quarantinedReason }) => effect?.changed && quarantinedReason === null)
    .map((event) => momentOf(wordOf(event), event.occurredAt, isEngagement(event.type) && !event.human))
  const support = escalations.flatMap((escalation) => [
    momentOf('escalated', escalation.openedAt),
    ...(escalation.acknowledgedAt ? [momentOf('acknowledged', escalation.acknowledgedAt)] : []),
    ...(escalation.resolvedAt ? [momentOf('resolved', escalation.resolvedAt)] : []),
  ])
  return [...told, ...support.map((moment) => ({ ...moment, lane: 'support' as const }))]
}

const momentOf = (word: string, at: Date, isFaint = false): PictureMoment => ({
  lane: isEngagement(word) || word === 'complained' ? 'engagement' : 'delivery',
  word,
  tone: toneOfMoment(word),
  at: at.getTime(),
  isFaint,
})

const isEngagement = (word: string) => word === 'opened' || word === 'clicked'

function wordOf(event: StoredEvent): string {
  if (event.type === registrationEventType) return 'registered'
  return event.type === 'bounced' && event.bounceClass === 'soft' ? 'deferred' : event.type
}
