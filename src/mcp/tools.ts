/** The tools for assistants: what each reads, and what it answers. Only what helps to answer, since every word costs the reader. */
import { z } from 'zod'
import type { AftersendClient, Email, EmailRecipient, Failure, Figures, Rate } from '../client/index.ts'
import { failureParties, failureReasonNames } from '../domain/failure.ts'
import { failureLabelOf, partyLabelOf } from '../domain/failure-labels.ts'
import { emailStatuses } from '../domain/lifecycle.ts'

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: z.ZodObject
  /** @param input as parsed by `input`. @returns what is sent as JSON. */
  readonly answer: (client: AftersendClient, input: never) => Promise<object>
}

/** A tool whose function gets what its schema gives. */
const tool = <Input extends z.ZodObject>(given: {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: Input
  readonly answer: (client: AftersendClient, input: z.infer<Input>) => Promise<object>
}): Tool => given

const id = z.string().min(1).max(255).describe('The ID that the provider gave the email')
const provider = z.string().max(64).optional().describe('Such as resend or sendgrid')
const limit = z.number().int().min(1).max(20).default(10)
const time = z.iso.datetime({ offset: true }).optional().describe('ISO 8601')

export const tools: readonly Tool[] = [
  tool({
    name: 'find_email',
    title: 'Find emails',
    description:
      'Finds an email by its ID, or the newest emails that match all given filters: status, provider, tag, reason of failure, who must ' +
      'act. For the emails of a person, use recipient_history. Answers each with status, recipients, times and failure.',
    input: z.object({
      id: id.optional(),
      provider,
      status: z.enum(emailStatuses).optional(),
      tag: z.string().max(301).optional(),
      reason: z.enum(failureReasonNames).optional(),
      party: z.enum(failureParties).optional().describe('Who must act on the failure'),
      limit,
    }),
    async answer(client, { id, ...query }) {
      if (id === undefined) {
        const { data, nextCursor } = await client.emails.list(withoutUnset(query))
        return { emails: data.map(emailOf), more: nextCursor !== null }
      }
      const email = await client.status(id, withoutUnset({ provider: query.provider }))
      return { emails: email === null ? [] : [emailOf(email)], more: false }
    },
  }),

  tool({
    name: 'recipient_history',
    title: 'What happened to a person’s emails',
    description:
      'Everything that is known of an address over all providers: what to do next and who must act, whether it is suppressed and why, lists ' +
      'that the person left, and the newest emails.',
    input: z.object({ address: z.email(), limit }),
    async answer(client, { address, limit }) {
      const person = await client.recipients.lookup(address, { limit })
      const { suppression, last } = person
      return {
        nextStep: person.nextStep,
        suppressed: person.suppressed,
        erased: person.erased,
        suppression: suppression && {
          reason: suppression.reason,
          since: suppression.since,
          failure: failureOf(suppression.failure),
        },
        last: last && { what: last.what, at: last.at, emailId: last.email?.id ?? null },
        subscriptions: person.subscriptions.map(({ provider, list, state, at }) => ({ provider, list, state, at })),
        emailCount: person.emailCount,
        emails: person.emails.data.map(({ id, provider, subject, status, sentAt, deliveredAt, failure }) => ({
          ...{ id, provider, subject, status, sentAt, deliveredAt },
          failure: failureOf(failure),
        })),
      }
    },
  }),

  tool({
    name: 'explain_failure',
    title: 'Explain why an email failed',
    description:
      'Why an email failed or is late, for each recipient: the reason, who must act and what to do, whether it is final, the line of the ' +
      'receiver’s reply that decided, and whether the address is suppressed. Also its open escalations.',
    input: z.object({ id, provider }),
    async answer(client, { id, provider }) {
      const email = await client.status(id, withoutUnset({ provider }))
      if (email === null) return { found: false }
      const failed = email.recipients.filter(({ failure }) => failure !== null)
      const failures = failed.map((recipient) => explanationOf(recipient.failure, recipient))
      const open = email.escalations.filter(({ state }) => state !== 'resolved')
      return {
        found: true,
        ...emailOf(email),
        failures: failures.length > 0 ? failures : email.failure === null ? [] : [explanationOf(email.failure, null)],
        escalations: open.map(({ reason, state, detail, openedAt }) => ({ reason, state, detail, openedAt })),
        events: email.events.map(({ type, occurredAt, response }) => ({
          type,
          occurredAt,
          ...(response && { response }),
        })),
      }
    },
  }),

  tool({
    name: 'deliverability_summary',
    title: 'Deliverability in figures',
    description:
      'Rates of delivery, bounces, failures, complaints, opens and clicks, and delivery times, of the last 30 days or a given range. With ' +
      '`by`, also the ten largest values of a key, such as the mailbox provider or the reason of failure.',
    input: z.object({
      from: time,
      to: time,
      provider,
      tag: z.string().max(301).optional(),
      domain: z.string().max(255).optional().describe('Of the recipients'),
      by: z.enum(['mailboxProvider', 'domain', 'tag', 'provider', 'priority', 'reason', 'party']).optional(),
    }),
    async answer(client, { by, ...given }) {
      const query = withoutUnset(given)
      const [summary, parts] = await Promise.all([
        client.analytics.summary(query),
        by && client.analytics.breakdown({ ...query, by, limit: 10 }),
      ])
      return {
        from: summary.from,
        to: summary.to,
        total: figuresOf(summary),
        ...(parts && {
          by,
          counts: parts.counts,
          parts: parts.data.map((part) => ({ value: part.value, ...figuresOf(part) })),
        }),
      }
    },
  }),
]

/** The same without what is not given, as optional fields of exact types require. */
function withoutUnset<T extends object>(given: T): { [name in keyof T]: Exclude<T[name], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
}

const emailOf = (email: Email) => ({
  id: email.id,
  provider: email.provider,
  to: [email.to ?? []].flat(),
  subject: email.subject,
  priority: email.priority,
  tags: email.tags,
  status: email.status,
  deliveredTo: email.deliveredTo,
  sentAt: email.sentAt,
  deliveredAt: email.deliveredAt,
  humanOpens: email.opens.human,
  humanClicks: email.clicks.human,
  failure: failureOf(email.failure),
})

const failureOf = (failure: Failure | null) =>
  failure && { reason: failure.reason, mustAct: failure.party, isFinal: failure.isFinal, code: failure.code }

const explanationOf = (failure: Failure | null, recipient: EmailRecipient | null) =>
  failure && {
    recipient: recipient?.address ?? null,
    status: recipient?.status ?? null,
    ...failureOf(failure),
    what: failureLabelOf(failure.reason).sentence,
    whoMustAct: partyLabelOf(failure.party).actor,
    receiverSaid: failure.evidence,
    rule: failure.rule,
    suppressed: recipient?.suppressed ?? null,
  }

const shareOf = ({ numerator, denominator, rate }: Rate) => ({
  percent: rate === null ? null : Math.round(rate * 10_000) / 100,
  of: `${numerator} of ${denominator}`,
})

const figuresOf = (figures: Figures) => ({
  emails: figures.emails,
  delivered: shareOf(figures.deliverability),
  hardBounced: shareOf(figures.hardBounces),
  failed: shareOf(figures.failures),
  complained: shareOf(figures.complaints),
  openedByHuman: shareOf(figures.opens.human),
  clickedByHuman: shareOf(figures.clicks.human),
  deliveryMs: { median: figures.deliveryTimeMs.p50, p95: figures.deliveryTimeMs.p95 },
})
