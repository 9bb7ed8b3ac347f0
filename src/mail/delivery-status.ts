/** Delivery status notifications (RFC 3464; international ones RFC 6533): what became of an email for each of its recipients. */
import { type Fields, fieldsIn } from './fields.ts'
import { typedAddressIn } from './mail-addresses.ts'
import type { MailPart } from './read-mail.ts'

const actions = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'] as const
export type Action = (typeof actions)[number]

export interface RecipientStatus {
  /** To whom the email was addressed, where the report knows it: normalized. */
  readonly original: string | null
  /** To whom the server sent it last, for instance after an alias: normalized. */
  readonly final: string | null
  readonly action: Action
  /** RFC 3463, such as `5.1.1`. */
  readonly status: string | null
  /** The reply, without the type before it (`smtp;`). */
  readonly diagnostic: string | null
  readonly remoteMta: string | null
  readonly lastAttempt: string | null
  readonly willRetryUntil: string | null
}

export interface DeliveryStatus {
  readonly reportingMta: string | null
  readonly envelopeId: string | null
  readonly arrivalDate: string | null
  readonly recipients: readonly RecipientStatus[]
}

const statusTypes = /^message\/(?:global-)?delivery-status$/

/** So many recipients of one report are read. */
const maxRecipients = 100

/** The delivery status in a report; null if it holds none. Never throws. */
export function deliveryStatusIn(parts: readonly MailPart[]): DeliveryStatus | null {
  const groups = parts.filter(({ contentType }) => statusTypes.test(contentType)).flatMap(groupsOf)
  if (groups.length === 0) return null
  const recipients = groups.filter(isOfRecipient).slice(0, maxRecipients).map(recipientOf)
  const first = (name: string) => groups.map((group) => group.first(name)).find((value) => value !== null) ?? null
  return {
    reportingMta: withoutType(first('reporting-mta')),
    envelopeId: first('original-envelope-id'),
    arrivalDate: first('arrival-date'),
    recipients,
  }
}

/** Groups of fields with an empty line between. The first is about the message; some servers write no group for it alone. */
const groupsOf = ({ content }: MailPart): Fields[] =>
  content
    .toString('utf8')
    .split(/\n[ \t]*\r?\n/, maxRecipients + 10)
    .map((group) => fieldsIn(Buffer.from(group.replace(/^\s*\n/, ''))))

const isOfRecipient = (group: Fields): boolean =>
  ['final-recipient', 'original-recipient', 'action'].some((name) => group.first(name) !== null)

function recipientOf(group: Fields): RecipientStatus {
  const status = /\b([245]\.\d{1,3}\.\d{1,3})\b/.exec(group.first('status') ?? '')?.[1] ?? null
  return {
    original: typedAddressIn(group.first('original-recipient')),
    final: typedAddressIn(group.first('final-recipient')),
    action: actionOf(group.first('action'), status),
    status,
    diagnostic: withoutType(group.first('diagnostic-code')),
    remoteMta: withoutType(group.first('remote-mta')),
    lastAttempt: group.first('last-attempt-date'),
    willRetryUntil: group.first('will-retry-until'),
  }
}

/** A word that RFC 3464 §2.3.3 does not have says no more than the status. */
function actionOf(field: string | null, status: string | null): Action {
  const word = /^\w+/.exec(field ?? '')?.[0].toLowerCase()
  const known = actions.find((action) => action === word)
  if (known) return known
  return status?.startsWith('2') ? 'delivered' : status?.startsWith('4') ? 'delayed' : 'failed'
}

const withoutType = (field: string | null): string | null => field?.replace(/^[\w-]{1,40}\s*;\s*/, '').trim() || null
