/** The page of an email: status, timeline, facts, escalations, and all events with their effects. */
import { z } from 'zod'
import { emailId } from '../api/email-input.ts'
import { type EmailView, partsOf, storedEmailView, unappliedEmailView, withSuppressions } from '../api/email-view.ts'
import { foldableEvent } from '../api/foldable-event.ts'
import { readPartsOf } from '../api/stored-emails.ts'
import type { Database } from '../db/database.ts'
import { findEmail, type StoredEvent } from '../db/emails-read.ts'
import type { Email, Escalation, Suppression } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { findActiveSuppressions } from '../db/suppressions.ts'
import { normalizeAddress } from '../domain/address.ts'
import { effectsOf } from '../domain/event-effect.ts'
import { projectOf, suppressionListOf } from '../domain/project.ts'
import { registrationPayloadOf } from '../domain/received-event.ts'
import { name, parseInput } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { Allowed } from './components/allowed.tsx'
import { EmailFacts } from './components/email-facts.tsx'
import { Recipients, Subject } from './components/email-table.tsx'
import { EmailTimeline } from './components/email-timeline.tsx'
import { EscalationCard } from './components/escalation-card.tsx'
import { EventTable, type EventWithEffect } from './components/event-table.tsx'
import { FailureCard } from './components/failure.tsx'
import { phrase } from './components/labels.ts'
import { PageHead } from './components/layout.tsx'
import { PersonLink, RecipientTable } from './components/recipient-table.tsx'
import { deliveredToText, Status } from './components/status.tsx'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'
import type { PersonLinks } from './person-links.ts'

/** Temporal's Web UI, for links to workflows. */
export interface WebUi {
  readonly url: string
  readonly namespace: string
}

interface EmailPageDependencies {
  readonly db: Database
  readonly pages: PageRenderer
  readonly webUi: WebUi | null
  readonly people: PersonLinks
}

const path = z.object({ provider: name(64), id: emailId })
const query = z.object({ events: z.literal('all').optional() })

export function addEmailPage(router: PageRouter, { db, pages, webUi, people }: EmailPageDependencies): void {
  router.get('/emails/:provider/:id', 'read', async (ctx) => {
    const { provider, id } = parseInput(path, ctx.params, 'path')
    const { events } = parseInput(query, ctx.query, 'query')
    const found = await inTime(() => readEmail(db, provider, id))
    if (found === null) throw new Problem(404, 'this email is not known')
    const live = `/live?${new URLSearchParams({ provider, email: id })}`
    const body = <EmailBody {...found} webUi={webUi} people={people} url={ctx.path} showsAll={events === 'all'} />
    await pages.show(ctx, { title: found.email.subject ?? id, section: '/emails', live, body })
  })
}

interface FoundEmail {
  readonly email: EmailView
  readonly events: readonly EventWithEffect[]
  readonly escalations: readonly Escalation[]
  /** Whether events of it were dropped after RETAIN_EVENTS. */
  readonly hasDropped: boolean
  /** The suppression of its only recipient; null if there is none, or there are several recipients. */
  readonly suppression: Suppression | null
}

async function readEmail(db: Database, provider: string, id: string): Promise<FoundEmail | null> {
  const [row, all] = await Promise.all([findEmail(db, id, provider), readPartsOf(db, [id])])
  const parts = partsOf({ provider, emailId: id }, all)
  const { events, escalations } = parts
  if (row === null && events.length === 0) return null
  const view = row ? storedEmailView(row, parts) : unappliedEmailView(parts)
  const [email = view] = await withSuppressions(db, [view])
  const registration = registrationPayloadOf({
    as: row?.registeredAsSent === false ? 'queued' : 'sent',
    priority: null,
  })
  const recipient = typeof email.to === 'string' ? normalizeAddress(email.to) : null
  const list = suppressionListOf(db, projectOf(provider))
  const [suppression = null] = recipient === null ? [] : await findActiveSuppressions(db, list, [recipient])
  return {
    email,
    events: withEffects(events, registration),
    hasDropped: row !== null && lacksFirst(row, events),
    escalations,
    suppression,
  }
}

/** The row stores when the first event was received. If that event is missing, its month was dropped. */
const lacksFirst = ({ firstReceivedAt }: Email, events: readonly StoredEvent[]): boolean =>
  firstReceivedAt !== null && events.every(({ receivedAt }) => receivedAt > firstReceivedAt)

function withEffects(events: readonly StoredEvent[], registration: string): EventWithEffect[] {
  const effects = effectsOf(
    events.filter((event) => event.quarantinedReason === null).map((event) => foldableEvent(event, registration)),
  )
  return events.map((event) => ({ ...event, effect: effects.get(event.eventId) ?? null }))
}

interface EmailBodyProps extends FoundEmail {
  readonly webUi: WebUi | null
  readonly people: PersonLinks
  readonly url: string
  /** Whether to show all events, however many. */
  readonly showsAll: boolean
}

const EmailHead = ({ email, suppression, webUi, people, url }: EmailBodyProps) => (
  <>
    <PageHead title={<Subject of={email.subject} />} parent="/emails">
      {typeof email.to === 'string' && suppression === null && (
        <Allowed to="suppress">
          <SuppressButton address={email.to} back={url} />
        </Allowed>
      )}
      {webUi && (
        <a class="button" href={workflowUrl(webUi, email.workflowId)} rel="noreferrer">
          Workflow in Temporal
        </a>
      )}
    </PageHead>
    <p class="lead">
      <Status of={email.status} deliveredTo={email.deliveredTo} />
      <span>
        to <To email={email} people={people} />
      </span>
      {suppression && <span>suppressed: {phrase(suppression.reason).toLowerCase()}</span>}
    </p>
  </>
)

const EmailBody = (props: EmailBodyProps) => (
  <>
    <EmailHead {...props} />
    <EmailDetails {...props} />
  </>
)

const EmailDetails = ({ email, events, hasDropped, escalations, people, url, showsAll }: EmailBodyProps) => (
  <>
    <section class="card" aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      <EmailTimeline email={email} events={events} escalations={escalations} />
    </section>
    {email.recipients.length > 1 ? (
      <section class="table-section" aria-labelledby="recipients">
        <h2 id="recipients">
          Recipients
          {email.deliveredTo && <span class="muted"> · {deliveredToText(email.deliveredTo).toLowerCase()}</span>}
        </h2>
        <RecipientTable recipients={email.recipients} people={people} />
      </section>
    ) : (
      email.failure && <FailureCard of={email.failure} delivery={email.delivery} />
    )}
    {escalations.map((escalation) => (
      <EscalationCard key={escalation.id} escalation={escalation} back={url} />
    ))}
    <EmailFacts email={email} />
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      {hasDropped && (
        <p class="muted">
          {events.length === 0 ? 'The events' : 'The earlier events'} of this email were deleted, as RETAIN_EVENTS says.
          Its status stays.
        </p>
      )}
      <EventTable
        events={events}
        isSplit={email.recipients.length > 1}
        allAt={showsAll ? null : `${url}?events=all#events`}
      />
    </section>
  </>
)

/** An only recipient leads to the person's page; several are in a table of their own. */
function To({ email, people }: Pick<EmailBodyProps, 'email' | 'people'>) {
  const [only, ...others] = email.recipients
  return only && others.length === 0 ? (
    <PersonLink to={only.address} people={people} />
  ) : (
    <Recipients of={addresses(email.to)} />
  )
}

const SuppressButton = ({ address, back }: { address: string; back: string }) => (
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
