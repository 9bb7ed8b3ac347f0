/** What is said to a workflow, as spans of its email's trace. */
import { SpanKind } from '@opentelemetry/api'
import type { EmailKey } from '../domain/events.ts'
import type { Lives } from '../temporal/lives.ts'
import { type EmailTracer, within } from './email-tracer.ts'

export const traceLives = (tracer: EmailTracer, lives: Lives): Lives => ({
  ...lives,
  // Under the receipt of the first of its events, whichever process took it; the others are linked.
  signal(email, events, recipientDomain) {
    const send = () => lives.signal(email, events, recipientDomain)
    const [first, ...others] = events
    if (!first) return send()
    const links = tracer.linksTo(others.map(({ id }) => ({ ...email, id })))
    const attributes = { ...attributesOf(email), 'aftersend.events': events.length }
    const facts = { kind: SpanKind.PRODUCER, attributes, links }
    return within(tracer.startUnderReceipt(email, first.id, 'hand over events', facts), send)
  },
  wake(email, recipientDomain) {
    const facts = { kind: SpanKind.PRODUCER, attributes: attributesOf(email) }
    return within(tracer.startRoot(email, 'wake life', facts), () => lives.wake(email, recipientDomain))
  },
  command(email, reason, command) {
    const attributes = { ...attributesOf(email), 'aftersend.reason': reason }
    const span = tracer.startRoot(email, `${command.do} escalation`, { kind: SpanKind.CLIENT, attributes })
    return within(span, () => lives.command(email, reason, command))
  },
})

const attributesOf = ({ provider, emailId }: EmailKey) => ({
  'aftersend.provider': provider,
  'aftersend.email_id': emailId,
})
