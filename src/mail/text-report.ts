/**
 * Bounces that follow no standard: what they say is in their text. The forms are those of qmail, Exim, Postfix, sendmail, Exchange, Gmail and
 * the mailbox providers' own; sources: the servers' documentation, and the samples that test/mail/fixtures/README.md names.
 */
import { statusCodeIn } from '../domain/failure-text.ts'
import type { Action } from './delivery-status.ts'
import { addressesInText } from './mail-addresses.ts'
import type { Mail } from './read-mail.ts'
import type { ReturnedMessage } from './returned-message.ts'

export interface TextOutcome {
  /** Normalized; null if the text names none. */
  readonly recipient: string | null
  readonly action: Action
  /** What the text says about this recipient. */
  readonly text: string
}

/** So many recipients of one report are read. */
const maxRecipients = 50

/** The outcomes that a bounce's text names; none if the mail is no bounce. Never throws. */
export function textOutcomesIn(mail: Mail, returned: ReturnedMessage | null): TextOutcome[] {
  const words = withoutReturned(mail.text)
  if (!isBounce(mail, words)) return []
  const action = isDelay(mail, words) ? 'delayed' : 'failed'
  const recipients = recipientsIn(mail, words, returned)
  if (recipients.length === 0) return [{ recipient: null, action, text: replyIn(words) }]
  return recipients.map((recipient) => ({ recipient, action, text: replyTo(recipient, words) }))
}

/** How the texts of servers begin: each of them names a failed delivery by itself. */
const openings = [
  /this is the (?:qmail-send|postfix|mail) (?:program|system) at/i,
  /this message was created automatically by (?:the )?(?:mail|smtp) delivery (?:software|agent|subsystem)/i,
  /^\W{0,8}the following addresses had (?:permanent|transient|delivery|fatal)/im,
  /delivery (?:to the following recipients? )?(?:has )?failed (?:permanently|to these recipients)/i,
  /\b(?:message|e-?mail)\b[\s\S]{0,200}?\b(?:did not reach|(?:could|can|was|has)(?: ?not|n't) (?:be(?:en)? )?delivered)\b/i,
  /\bfailed recipients?\b/i,
  /\b(?:unable to|failed to|could not) deliver (?:your )?(?:e?-?mail )?(?:message )?to\b/i,
]

const senders =
  /^\W*<>|\b(?:mailer-?daemon|post-?master|mail-?daemon|mail ?delivery|mdaemon|daemon|bounces?|mail ?administrator|mail ?system)\b/i
const bounceSubjects =
  /undeliver|deliver(?:y|ed)? ?(?:\w+ ){0,3}(?:fail|problem|error|notification|report|status|delay)|not delivered|non.?deliver|fail(?:ure|ed)? (?:notice|mail|deliver|to deliver)|return(?:ed|ing)?:? (?:mail|message|to sender)|(?:mail|message) (?:delivery|returned|error|could not|system error)|delivery (?:to .{1,80} )?(?:failed|has failed|delayed)|unzustellbar|zustell|nicht zugestellt|non remis|no se (?:pudo|puede) entregar|mancata consegna|niet bezorgd|недостав|не доставлено|退信|warning: (?:could not send|message)|bounce|user unknown|rejected|unknown (?:user|address)|processing error|could not be delivered/i

/** A person may write about a failed delivery too, so a text that is no server's opening counts only if a server sent it. */
function isBounce({ fields }: Mail, words: string): boolean {
  if (fields.first('x-failed-recipients') !== null) return true
  const isByServer = senders.test(fields.first('from') ?? '') || fields.first('return-path') === '<>'
  const subject = fields.first('subject') ?? ''
  if (isByServer && (bounceSubjects.test(subject) || openings.some((opening) => opening.test(words)))) return true
  return bounceSubjects.test(subject) && openings.some((opening) => opening.test(words.slice(0, 4_000)))
}

const delaySubject = /\bdelay|\bwarning\b|verzögert|retard|deferred|still being|not (?:yet|been) delivered/i
const delayWords =
  /warning (?:message )?only|(?:do(?:es)? )?not need to (?:be )?(?:re-?send|resent)|no action is required|transient non-fatal|has been delayed|delivery is delayed|will (?:be )?(?:keep|continue[ds]?|retr(?:y|ied)) (?:to be )?(?:try|attempt|deliver)|not yet been delivered|delivery attempts will continue|will be retried/i
const finalWords =
  /permanent|giving up|given up|i've? tried .{0,40}too long|no further attempts|retry time(?:out)? (?:not reached|exceeded)|could not be delivered for|final/i

const isDelay = ({ fields }: Mail, words: string): boolean =>
  (delaySubject.test(fields.first('subject') ?? '') &&
    !/fail|undeliver|return|unknown/i.test(fields.first('subject') ?? '')) ||
  (delayWords.test(words.slice(0, 3_000)) && !finalWords.test(words.slice(0, 3_000)))

/** Before the returned message, or a quotation of its header. */
const returnedAfter =
  /^[ \t>]*(?:[-=_*]{2,}[^\n]{0,30}\b(?:copy of|original message|below this line|header of|headers? follow|message (?:text|header|body)? ?follows|(?:returned|unsent|undelivered) message|message header|forwarded message)[^\n]*|original message (?:headers|follows)[^\n]*|(?:return-path|received): [^\n]*)$/im

function withoutReturned(text: string): string {
  const found = returnedAfter.exec(text)
  // Some servers put their words below the copy.
  return (found && found.index > 20 ? text.slice(0, found.index) : text).replace(summary, '')
}

/** Exchange begins with the email's own fields. */
const summary = /^\s*your message\s+to:[\s\S]{1,2000}?(?=did not reach the following)/i

const local = `[^\\s<>()\\[\\]\\\\,;:"'“”=]{1,64}`
const address = `${local}@[^\\s<>()\\[\\]\\\\,;:"'“”]{1,255}`

/** A recipient before what is said about it, at the start of a line. The first group is the address. */
const recipientLines = new RegExp(
  `^[ \\t>*]*(?:(?:to|recipient(?: address)?|unknown user|final-recipient|addressee|user|mailbox|rcpt to|failed recipient)[ \\t]*:[ \\t]*)?[<'"]{0,2}(${address})['">]{0,2}(?:<mailto:[^>\\n]{1,300}>)?` +
    `(?=[ \\t]*(?:\\(expanded from[^\\n]{1,300}\\))?[ \\t]*(?::|\\.\\.\\.|$|on \\d|\\(| -| ;|,? ?(?:user|mailbox|unknown|quota|is )))`,
  'gim',
)
/** Within a sentence. */
const recipientPhrases = new RegExp(
  `(?:(?:un)?(?:deliver(?:ed|y|able)?|message|mail|sent|send)(?: \\w+){0,3} +to|attempts|user(?:id)?|rcpt to:|recipient(?: address)?:?|mailbox|user|address|for)[ \\t\\n:]{1,4}[<'"]{0,2}(${address})`,
  'gi',
)

/** The addresses that the bounce is about: as the server lists them, as the text does, else the only recipient of the returned message. */
function recipientsIn({ fields }: Mail, words: string, returned: ReturnedMessage | null): string[] {
  const listed = fields.all('x-failed-recipients').flatMap(addressesInText)
  if (listed.length > 0) return listed.slice(0, maxRecipients)
  const own = new Set(
    ['from', 'to', 'delivered-to', 'x-original-to'].flatMap((name) => fields.all(name)).flatMap(addressesInText),
  )
  const others = (found: readonly string[]) =>
    found.filter((one) => !own.has(one) && !/^(?:post-?master|mailer-?daemon)@/.test(one))
  const matched = (pattern: RegExp) =>
    others([...words.matchAll(pattern)].flatMap(([, one = '']) => addressesInText(one)))
  const inLines = others(recipientStarts(words).flatMap(({ addresses }) => addresses))
  if (inLines.length > 0) return [...new Set(inLines)].slice(0, maxRecipients)
  const [inPhrase] = matched(recipientPhrases)
  if (inPhrase !== undefined) return [inPhrase]
  const inText = others(addressesInText(words))
  const [candidates = []] = [inText, returned?.to ?? []].filter((found) => found.length === 1)
  return candidates.length > 0 ? [...candidates] : inText.slice(0, 1)
}

interface RecipientStart {
  readonly at: number
  /** Where what is said about the recipient begins. */
  readonly after: number
  readonly addresses: readonly string[]
}

/** A line that is indented deeper than the first one continues what is said about a recipient. */
function recipientStarts(words: string): RecipientStart[] {
  const found = [...words.matchAll(recipientLines)]
  const indentOf = (match: RegExpExecArray | undefined) => /^[ \t>*]*/.exec(match?.[0] ?? '')?.[0].length ?? 0
  return found
    .filter((match) => indentOf(match) <= indentOf(found[0]))
    .map((match) => ({
      at: match.index,
      after: match.index + match[0].length,
      addresses: addressesInText(match[1] ?? ''),
    }))
}

/** What is said about a recipient: from its address to that of the next one. */
function replyTo(recipient: string, words: string): string {
  const starts = recipientStarts(words)
  const first = starts.find(({ addresses }) => addresses.includes(recipient))
  if (!first) return replyIn(words)
  const next = starts.find(({ at, addresses }) => at > first.at && !addresses.includes(recipient))
  const block = words.slice(first.after, next?.at).replace(/^[\s:.]+/, '')
  return block.trim() === '' ? replyIn(words) : replyIn(block)
}

/** With a reply code in front of a status code or of words, as servers answer. */
const hasReply = /(?<![\d.])[45]\d\d[ -]#?(?:[45]\.\d{1,3}\.\d{1,3}|[<(a-z])|(?<![\d.])[45]\.\d\.\d{1,3}(?![\d.])/i

/** The paragraphs with a server's reply, else all of them: other paragraphs give general advice. */
function replyIn(block: string): string {
  // Of sendmail, whose transcript has the replies to later commands too.
  const [, reason] = /\(reason: ([^\n]{1,1000}(?:\n[ \t]+[^\n]{1,1000}){0,9})\)/.exec(block) ?? []
  if (reason !== undefined) return reason.replace(/\s+/g, ' ')
  const paragraphs = block.split(/\n[ \t]*\n/).map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
  const replies = paragraphs.filter((paragraph) => hasReply.test(paragraph) && statusCodeIn(paragraph) !== null)
  return (replies.length > 0 ? replies : paragraphs).filter(Boolean).join('\n').slice(0, 2_000)
}
