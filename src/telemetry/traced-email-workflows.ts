/** Messages to workflows, as spans of their emails' traces. */
import { SpanKind } from '@opentelemetry/api'
import type { EmailKey } from '../domain/events.ts'
import { incidentKeyOf } from '../domain/incident.ts'
import type { EmailWorkflows } from '../temporal/email-workflows.ts'
import { type EmailTracer, within } from './email-tracer.ts'

export const traceEmailWorkflows = (tracer: EmailTracer, emailWorkflows: EmailWorkflows): EmailWorkflows => ({
  ...emailWorkflows,
  // Under the receipt of the first event, in whatever process; the receipts of the others are linked.
  signal(email, events, ...more) {
    const send = () => emailWorkflows.signal(email, events, ...more)
    const [first, ...others] = events
    if (!first) return send()
    const links = tracer.linksTo(others.map(({ id }) => ({ ...email, id })))
    const attributes = { ...attributesOf(email), 'aftersend.events': events.length }
    const facts = { kind: SpanKind.PRODUCER, attributes, links }
    return within(tracer.startUnderReceipt(email, first.id, 'hand over events', facts), send)
  },
  ensureStarted(email, recipientDomain) {
    const facts = { kind: SpanKind.PRODUCER, attributes: attributesOf(email) }
    return within(tracer.startRoot(email, 'start workflow', facts), () =>
      emailWorkflows.ensureStarted(email, recipientDomain),
    )
  },
  command(subject, reason, command, updateId) {
    const email = 'emailId' in subject ? subject : incidentKeyOf(subject.scope, subject.episode)
    const attributes = { ...attributesOf(email), 'aftersend.reason': reason }
    const span = tracer.startRoot(email, `${command.do} escalation`, { kind: SpanKind.CLIENT, attributes })
    return within(span, () => emailWorkflows.command(subject, reason, command, updateId))
  },
})

const attributesOf = ({ provider, emailId }: EmailKey) => ({
  'aftersend.provider': provider,
  'aftersend.email_id': emailId,
})
