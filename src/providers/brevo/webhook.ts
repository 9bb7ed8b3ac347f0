/**
 * Brevo's transactional webhooks. They are not signed: Brevo calls the URL with `user:password` in it, or with a token or a header of the
 * customer's. Sources: developers.brevo.com/docs/transactional-webhooks for events and fields, /docs/secured-webhooks, /docs/batch-webhooks
 * and /docs/retry-mechanism; live captures in anymail/django-anymail (tests/test_brevo_webhooks.py) and in the documentation of the Lotus
 * Elan Registry (its email system, "Brevo Webhooks — Verified Behaviour").
 */
import { type Adapter, createAdapter } from '../adapter.ts'
import { ownIdsOf, withoutAngleBrackets } from '../custom-fields.ts'
import { oneOrMoreEntries } from '../entries.ts'
import { type BounceReport, eventIdOf } from '../event-builder.ts'
import { type Json, jsonIn, tagsIn, textIn } from '../fields.ts'
import { credentialProof } from '../proof.ts'

export const brevo: Adapter = createAdapter({
  name: 'brevo',
  verify: credentialProof.verify,
  entriesIn: oneOrMoreEntries,
  // "4xx response codes, except for 429, and any 5xx response code stop all retry attempts and discard the webhook."
  retryStatus: 429,
  emailIdName: 'message-id',
  wordOf: (entry) => entry['event'],
  types: {
    request: 'queued',
    deferred: 'bounced',
    soft_bounce: 'bounced',
    hard_bounce: 'bounced',
    blocked: 'bounced',
    invalid_email: 'bounced',
    error: 'bounced',
    spam: 'complained',
    complaint: 'complained',
    unique_opened: 'opened',
    proxy_open: 'opened',
    unique_proxy_open: 'opened',
    click: 'clicked',
    unsubscribe: 'unsubscribed',
  },
  // An event of a marketing campaign. A bounce or a complaint still suppresses its address.
  isAboutNoEmail: (entry, word) => messageIdOf(entry) === undefined && !suppressing.has(word),
  factsOf: (entry, word) => ({
    id: idOf(entry, word),
    emailId: messageIdOf(entry),
    times: ['ts_epoch', 'ts_event', 'ts'].map((field) => entry[field]),
    recipient: textIn(entry, ['email']),
    subject: entry['subject'],
    userAgent: textIn(entry, ['user_agent']),
    // "Loaded by proxy": Apple's Mail Privacy Protection and its like.
    isMachine: /proxy_open$/.test(word),
    tags: tagsIn(entry['tags'] ?? parsed(entry['tag'])),
    ownIds: ownIdsOf(customFieldsIn(entry['X-Mailin-custom'])),
  }),
  bounceOf,
})

const messageIdOf = (entry: Json): string | undefined =>
  withoutAngleBrackets(textIn(entry, ['message-id']) ?? '') || undefined

/**
 * What happens once to an email for a recipient, by the words of one spelling. A `soft_bounce` is the last attempt's (help.brevo.com, article
 * 209435165).
 */
const onceOnly: ReadonlyMap<string, string> = new Map([
  ...[
    'request',
    'delivered',
    'soft_bounce',
    'hard_bounce',
    'blocked',
    'invalid_email',
    'error',
    'spam',
    'unsubscribed',
  ].map((word) => [word, word] as const),
  ['complaint', 'spam'],
  ['unsubscribe', 'unsubscribed'],
])

/**
 * Brevo's events have no ID: `id` is that of the webhook, `uuid` that of the email. Brevo's API and its webhooks may date the same event a
 * second apart (pulseforgeatmns-ops/pulseforge-leadgen, utils/brevoEvents.js), so what happens once is known without its time.
 */
function idOf(entry: Json, word: string): string {
  const [messageId, recipient] = [messageIdOf(entry), textIn(entry, ['email'])?.toLowerCase()]
  const once = messageId === undefined ? undefined : onceOnly.get(word)
  if (once !== undefined) return eventIdOf(once, messageId, recipient)
  return eventIdOf(word, messageId, recipient, timeOf(entry), entry['link'])
}

/** The times are UTC, unlike `date`, whose zone is that of the account. */
const timeOf = (entry: Json): string | null => textIn(entry, ['ts_epoch', 'ts_event', 'ts'])

const suppressing: ReadonlySet<string> = new Set([
  ...['soft_bounce', 'hard_bounce', 'blocked', 'invalid_email', 'error'],
  ...['spam', 'complaint'],
])

const parsed = (value: unknown): unknown => (typeof value === 'string' ? (jsonIn(value) ?? value) : value)

/** JSON, or `name:value|name:value` as the examples of Brevo's SDKs write it. */
function customFieldsIn(header: unknown): unknown {
  const value = parsed(header)
  if (typeof value !== 'string') return value
  return Object.fromEntries(value.split('|').flatMap((pair) => [/^([^:]+):(.*)$/s.exec(pair)?.slice(1) ?? []]))
}

/** Brevo tries again after `deferred`, for 36 hours; the last attempt is a `soft_bounce` (help.brevo.com, article 209435165). */
function bounceOf(entry: Json, word: string): BounceReport {
  const message = textIn(entry, ['reason'])
  const isListed = word === 'blocked' && /\bdue to blacklist user\b/.test(message ?? '')
  return {
    class: word === 'hard_bounce' || word === 'invalid_email' || isListed ? 'hard' : 'soft',
    message,
    word,
    subWord: word === 'blocked' ? message : null,
    isOver: word !== 'deferred',
  }
}
