/**
 * Mailtrap: batches of events, as a list in an object or as JSON Lines. Sources: mailtrap/mailtrap-docs (webhooks.md,
 * statuses-and-events.md, bounce-categorization.md).
 */
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, createAdapter } from '../adapter.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { type Entries, entriesInField } from '../entries.ts'
import { type BounceReport, codeIn } from '../event-builder.ts'
import { decodeUtf8, idForm, isObject, type Json, jsonIn, parseJson, required, tagsIn, textIn } from '../fields.ts'
import { hmacProof } from '../proof.ts'
import { InvalidEventError } from '../provider.ts'

export const mailtrapProof = hmacProof({
  header: 'mailtrap-signature',
  encoding: 'hex',
  requirement: 'the signing secret of the webhook',
})

const objectOrLines: Entries = (rawBody) => {
  const text = decodeUtf8(rawBody)
  const json = jsonIn(text)
  if (isObject(json) && 'events' in json) return entriesInField('events')(rawBody)
  const entries = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(lineIn)
  if (entries.some(isObject)) return { entries }
  throw new InvalidEventError('the body is neither an object with events nor JSON Lines')
}

/** A line that is not JSON stays a text, which is quarantined. */
const lineIn = (line: string): unknown => (jsonIn(line) === undefined ? line : parseJson(line))

export const mailtrap: Adapter = createAdapter({
  name: 'mailtrap',
  verify: mailtrapProof.verify,
  entriesIn: objectOrLines,
  // Up to 500 events in one request.
  maxBodyBytes: 4 * 1_048_576,
  emailIdName: 'message_id',
  wordOf: (entry) => entry['event'],
  types: {
    delivery: 'delivered',
    open: 'opened',
    click: 'clicked',
    spam: 'complained',
    unsubscribe: 'unsubscribed',
    bounce: 'bounced',
    'soft bounce': 'bounced',
    suspension: 'bounced',
    reject: 'bounced',
  },
  // Of the account's audit log.
  isAboutNoEmail: (_entry, word) => word.startsWith('activity_log.'),
  factsOf: (entry) => ({
    id: required('event_id', idForm, [entry['event_id']]),
    emailId: entry['message_id'],
    times: [entry['timestamp']],
    recipient: textIn(entry, ['email']),
    userAgent: textIn(entry, ['user_agent']),
    list: textIn(entry, ['sending_stream']),
    tags: tagsIn(entry['category']),
    ownIds: ownIdsOf(entry['custom_variables']),
  }),
  bounceOf,
})

/** The documented categories, except that of an address that does not exist: each may pass. */
const softCategories =
  /^(transientfail|greylisting|badsender|block|content|dnsfail|generalfail|other|relayfail|serverfail|spam|verifyfail|timeout|overquota|serverpolicy|spam_gmail)$/i

/**
 * Mailtrap tries again after a soft bounce, and checks a suspended email's domain again. It rejects an email that it does not send: the
 * reason is part of the word, since `reject` alone is SES's word for malware.
 */
function bounceOf(entry: Json, word: string): BounceReport {
  const isOver = word === 'bounce' || word === 'reject'
  if (word === 'reject' || word === 'suspension') {
    const reason = textIn(entry, ['reason']) || 'unknown'
    return { class: 'soft', message: reason, word, subWord: reason, isOver }
  }
  const [message, category] = [textIn(entry, ['response']), textIn(entry, ['bounce_category'])]
  const code = codeIn(textIn(entry, ['response_code']), null)
  const enhanced = codeIn(null, message)
  const isSoft = !isOver || softCategories.test(category ?? '')
  return {
    class: isSoft ? 'soft' : classifyBounce({ code: enhanced ?? code }),
    code: enhanced ?? code,
    message,
    word,
    subWord: category,
    isOver,
  }
}
