/**
 * Resend. Events and payloads: resend.com/docs/webhooks/event-types and Resend's OpenAPI document. Signed by Svix, whose scheme
 * is Standard Webhooks with other header names.
 */
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, createAdapter } from '../adapter.ts'
import { taggedOwnIds } from '../custom-fields.ts'
import { oneEntry } from '../entries.ts'
import { type BounceReport, codeIn, eventIdOf } from '../event-builder.ts'
import { isObject, type Json, partOf, recipientOf, recipientsOf, textIn, timeIn } from '../fields.ts'
import { signedIdIn, standardProof } from '../standard-signature.ts'

export const resendProof = standardProof('svix', 'the signing secret of the webhook, whsec_ and base64')

export const resend: Adapter = createAdapter({
  name: 'resend',
  verify: resendProof.verify,
  entriesIn: oneEntry,
  emailIdName: 'email ID',
  wordOf: ({ type }) => (typeof type === 'string' ? type.replace(/^email\./, '') : type),
  types: { scheduled: 'queued', delivery_delayed: 'bounced', failed: 'bounced', suppressed: 'bounced' },
  // Contacts, domains and inbound emails.
  isAboutNoEmail: ({ type }) => !String(type).startsWith('email.') || type === 'email.received',
  factsOf(envelope, word, { headers, payload, receivedAt }) {
    const data = partOf(envelope, 'data')
    const engagement = [data['open'], data['click']].find(isObject) ?? {}
    const { tags, ...ownIds } = taggedOwnIds(data['tags'])
    return {
      id: signedIdIn(headers, 'svix') ?? eventIdOf(payload),
      emailId: data['email_id'],
      times: [envelope['created_at'], data['created_at']],
      to: data['to'],
      recipient: recipientOf(data, recipientsOf(data)),
      subject: data['subject'],
      userAgent: textIn(engagement, ['userAgent']),
      scheduledFor: word === 'scheduled' ? scheduledTimeIn(data, receivedAt) : null,
      tags,
      ownIds,
    }
  },
  bounceOf: (envelope, word) => bounceOf(word, partOf(envelope, 'data')),
})

/** Resend sends an email at most 30 days after it was accepted: resend.com/docs/dashboard/emails/schedule-email. */
const latestScheduleMs = 30 * 24 * 3_600_000

/** When Resend will send it, in an event or an answer of the API; if the time is not given, the latest time that Resend allows. */
export const scheduledTimeIn = (facts: Json, now: number): number =>
  timeIn([facts['scheduled_at'], facts['scheduledAt']]) ?? (timeIn([facts['created_at']]) ?? now) + latestScheduleMs

/**
 * The bounce in an event or an answer of the API. Resend has stopped trying, unless delivery is only delayed. `failed`: it did not send
 * the email, for a reason of the sender's or its own, such as a quota. `suppressed`: the address bounced or complained before.
 */
export function bounceOf(resendType: string, data: Json): BounceReport {
  const details = [data['bounce'], data['failed'], data['suppressed']].find(isObject) ?? {}
  const { diagnosticCode } = details
  const reply = Array.isArray(diagnosticCode) ? diagnosticCode.join(' ') : textIn(details, ['diagnosticCode'])
  const message = reply || textIn(details, ['message', 'reason'])
  const facts = { message, isOver: resendType !== 'delivery_delayed' }
  if (resendType === 'suppressed') {
    return { ...facts, class: 'hard', word: resendType, subWord: textIn(details, ['type']) }
  }
  if (resendType !== 'bounced') return { ...facts, class: 'soft', word: resendType, subWord: message }
  // Permanent, Transient or Undetermined; absent in events of 2023.
  const type = textIn(details, ['type'])
  const bounceClass = classifyBounce({ type, code: codeIn(null, message) })
  return { ...facts, class: bounceClass, word: type || resendType, subWord: textIn(details, ['subType']) }
}
