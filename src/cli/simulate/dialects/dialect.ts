/** How a provider would tell what was planned: which events it has at all, what it knows of them, and its JSON. */
import type { ProviderEntry } from '../../../providers/registry.ts'
import type { PlannedEmail, PlannedEvent } from '../plan.ts'
import { aisendDialect } from './aisend.ts'
import { mailgunDialect } from './mailgun.ts'
import { postmarkDialect } from './postmark.ts'
import { resendDialect } from './resend.ts'
import { sendgridDialect } from './sendgrid.ts'
import { sesDialect } from './ses.ts'

export interface Dialect {
  /** The provider's ID of an email; `key` is unique. */
  readonly emailIdOf: (key: string) => string
  /** As fine as the provider tells time: what happens to one email is planned at least so far apart. Milliseconds. */
  readonly grainMs: number
  /** The event with what the provider leaves out of it, or names by itself. */
  readonly tell: (event: PlannedEvent, email: PlannedEmail) => PlannedEvent
  /** The JSON text of one request; `events` are several only where {@link sendsBatches}. */
  readonly bodyOf: (events: readonly ToldEvent[], email: PlannedEmail) => string
  /** Whether one request may hold several events: then a repeat comes together with what came before it. */
  readonly sendsBatches: boolean
}

/** An event with when it occurred. */
export type ToldEvent = PlannedEvent & { readonly at: Date }

/** The address that an event is about, where the provider tells every event of one recipient. */
export const oneRecipientOf = (event: PlannedEvent, email: PlannedEmail): string => event.recipient ?? email.to[0] ?? ''

const dialects: Readonly<Record<string, Dialect>> = {
  aisend: aisendDialect,
  'standard-webhooks': aisendDialect,
  resend: resendDialect,
  sendgrid: sendgridDialect,
  postmark: postmarkDialect,
  mailgun: mailgunDialect,
  ses: sesDialect,
}

/** @throws if the table of providers has one that the simulator was not taught. */
export function dialectOf({ name }: Pick<ProviderEntry, 'name'>): Dialect {
  const dialect = dialects[name]
  if (!dialect) throw new Error(`the simulator does not speak as ${name} does: add a dialect`)
  return dialect
}

/** The plan as the provider tells it. An email of which nothing is left to be told is registered at least. */
export function toldBy(provider: ProviderEntry, plan: readonly PlannedEmail[]): PlannedEmail[] {
  const dialect = dialectOf(provider)
  return plan.map((email) => {
    const events = email.events.filter(({ type }) => provider.tells.includes(type))
    const isSilent = events.length === 0 && email.registration === null
    return {
      ...email,
      events: events.map((event) => dialect.tell(event, email)),
      registration: isSilent ? { as: 'sent', priority: null, postsAfterMs: [0] } : email.registration,
    }
  })
}
