/**
 * KumoMTA's log records, as its helper `log_hooks` posts them: one, or a batch in a list. Not signed: the hook adds a header with a token.
 * Sources: docs.kumomta.com/reference/log_record for the fields, crates/kumod/src/logging/disposition.rs (2026) for what `id` and `headers`
 * are in records of bounces and reports that came as mails.
 */
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, createAdapter } from '../adapter.ts'
import { messageIdIn, ownIdsOf } from '../custom-fields.ts'
import { oneOrMoreEntries } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { isObject, type Json, partOf, tagsIn, textIn } from '../fields.ts'
import { credentialProof } from '../proof.ts'

export const kumomta: Adapter = createAdapter({
  name: 'kumomta',
  verify: credentialProof.verify,
  entriesIn: oneOrMoreEntries,
  emailIdName: 'id',
  wordOf: (record) => record['type'],
  types: {
    Reception: 'queued',
    Delivery: 'delivered',
    Bounce: 'bounced',
    TransientFailure: 'bounced',
    Expiration: 'bounced',
    AdminBounce: 'bounced',
    OOB: 'bounced',
    Feedback: (record) =>
      textIn(partOf(record, 'feedback_report'), ['feedback_type']) === 'not-spam' ? 'not-spam' : 'complained',
    // Of an incoming message that was refused, and of messages that were moved between queues and nodes.
    Rejection: null,
    AdminRebind: null,
    DeferredInjectionRebind: null,
    XferIn: null,
    XferOut: null,
  },
  factsOf(record, type) {
    const to = recipientsIn(record, type)
    return {
      id: eventIdOf(...['id', 'type', 'timestamp', 'event_time', 'num_attempts'].map((field) => record[field]), to),
      emailId: emailIdIn(record, type),
      times: [record['event_time'], record['timestamp']],
      to,
      subject: header(record, 'subject'),
      response: [textIn(partOf(record, 'response'), ['content'])],
      tags: tagsIn(partOf(record, 'meta')['tags']),
      ownIds: ownIdsOf(record['meta']),
    }
  },
  bounceOf,
})

/** The logger's list of headers says which are in a record, in the spelling of the list. */
function header(record: Json, name: string): string | null {
  const [, value] = Object.entries(partOf(record, 'headers')).find(([key]) => key.toLowerCase() === name) ?? []
  return textIn({ value }, ['value'])
}

const isOfReport = (type: string): boolean => type === 'OOB' || type === 'Feedback'

/**
 * The Message-ID where the logger is set to log that header, else the spool's ID. A record of a report that came as a mail has the ID and
 * headers of that mail: only a feedback report that quotes the original names its email.
 */
function emailIdIn(record: Json, type: string): string | undefined {
  if (!isOfReport(type)) return messageIdIn(header(record, 'message-id')) ?? textIn(record, ['id']) ?? undefined
  const original = textIn(partOf(record, 'feedback_report'), ['original_message']) ?? ''
  return messageIdIn(/^message-id:\s*(\S+)/im.exec(original)?.[1] ?? null) ?? undefined
}

/** The sender of a feedback report is its recipient: the person who complained is in the report. */
function recipientsIn(record: Json, type: string): unknown {
  if (type !== 'Feedback') return record['recipient']
  const report = partOf(record, 'feedback_report')
  const traced = textIn(partOf(report, 'supplemental_trace'), ['recipient'])
  return traced ?? report['original_rcpto_to'] ?? []
}

/** KumoMTA has stopped trying, unless the failure is transient. An administrator's bounce and an expiry say nothing about the recipient. */
function bounceOf(record: Json, type: string): BounceReport {
  const response = partOf(record, 'response')
  const { class: first, subject, detail } = partOf(response, 'enhanced_code')
  const code = isObject(response['enhanced_code']) ? `${first}.${subject}.${detail}` : textIn(response, ['code'])
  const isSoft = type === 'TransientFailure' || type === 'Expiration' || type === 'AdminBounce'
  return {
    class: isSoft ? 'soft' : classifyBounce({ code }),
    code: type === 'AdminBounce' ? null : code,
    message: textIn(response, ['content']),
    word: type,
    subWord: textIn(record, ['bounce_classification']),
    host: textIn(partOf(record, 'peer_address'), ['name'])?.replace(/\.$/, '') ?? null,
    isOver: type !== 'TransientFailure',
  }
}
