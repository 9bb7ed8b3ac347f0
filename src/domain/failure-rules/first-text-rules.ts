/** Rules on phrases that come before those on full mailboxes, which use similar words: automatic replies, viruses, rates. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const firstTextRules: readonly FailureRule[] = [
  {
    id: 'text.automatic-reply',
    source: sources.rfc6522,
    reason: 'automatic_reply',
    isFinal: false,
    text: phrases`
      out of (the )?office
      auto(matic|mated|-)? ?-?(reply|response|responder)
      vacation (reply|response|notice|message)
      i am (currently )?(on (vacation|leave|holiday)|away)
    `,
  },
  {
    id: 'text.virus',
    source: `${sources.mimecast}; ${sources.postfix}`,
    reason: 'virus',
    text: phrases`
      \bvirus(es)? (was |were )?(detected|found|infected)
      (rejected|refused|blocked|due to|because of|for)( a| the)? virus\b
      potential security (issue|threat|risk)
      infected (with|by|message|mail|attachment)
      contains? (a |an )?(virus|malware|trojan|worm|harmful|executable)
      \bmalware\b
      (reject|rejected|rejecting|refus\w+|block\w*|forbid\w*) .{0,40}(attachment|\bfiles?\b|extension)
      (attachment|file ?type|extension)s? .{0,40}(not (allowed|permitted|accepted)|prohibited|forbidden|blocked|rejected|banned|executable)
      (banned|illegal|forbidden|prohibited|executable) (file|attachment|extension)
      virus (scan|check|filter)
      (attachment|file ?type|extension)s? (is |are )?(dangerous|harmful|unsafe)
    `,
  },
  {
    id: 'text.no-recipients',
    source: `${sources.postfix}: DATA without an accepted recipient`,
    reason: 'protocol_error',
    text: /no valid recipients?/,
    enhanced: /^5\.5\.1$/,
  },
  {
    id: 'text.receiver-outage',
    source: sources.cloudmark,
    reason: 'receiver_error',
    text: phrases`
      licen[cs]e (has |is )?expired
      error (while )?(sending|processing|delivering) (the |this |your )?(message|mail|e-?mail) (for|to) delivery
    `,
  },
  {
    id: 'text.spam-or-virus',
    source: sources.european,
    reason: 'spam_content',
    text: /spam (?:or|and|\/) virus|spam\/virus/,
  },
  {
    id: 'text.rate.recipient',
    source: `${sources.rfc3463} X.2.122; ${sources.microsoft}`,
    reason: 'rate_limited',
    party: 'receiver',
    text: phrases`
      organi[sz]ation queue quota
      (recipient|user|mailbox) has exceeded .{0,30}\b(number of messages|messages? limit|they can receive)
      (recipient|user|mailbox|messages to \[address\]) (is |was |has been )?(receiving|received|deferred) .{0,30}(too (quickly|many|much)|excessive volume|rate)
    `,
  },
  {
    id: 'text.rate.sender',
    source: `${sources.rfc3463} X.4.5; ${sources.microsoft}; ${sources.postfix}`,
    reason: 'rate_limited',
    text: phrases`
      too many (concurrent |simultaneous |smtp |open )?(connections?|sessions?|messages?|e?mails|(bad |invalid |unknown )?(recipients|rcpts?)|errors|unknown users|bad commands|requests)\b(?! (in|on) (the|this) (mailbox|server))
      (rate|sending|message|hourly|daily|connection|relay|recipient|traffic|concurrency|peak smtp relay|volume) (limit|quota|threshold|limits)s? (is |has been |was |have been )?(exceeded|reached|exceed)
      exceed(ed|s|ing)? (the |your |its |our |an? |maximum |allowed )*(rate|sending|message|hourly|daily|connection|relay|recipient)( rate)? (limit|quota|threshold)
      exceeded the max (defers|emails|messages)
      max(imum)? (messages?|recipients?|connections?) per
      number of (messages|connections|recipients|sessions) .{0,30}(exceed|limit)
      rate[- ]?limit(ed|ing)?
      sending limits?
      throttl
      (sender|connection) (frequency|rate|volume) (is )?(limited|exceeded)
      too many recipient attempts
      limits (for|on) how many messages
      slow down
      receiving (mail|messages) (too quickly|at a rate)
      received too (much|many)
      try (again )?later.{0,30}too (many|much)
      resources? (restricted|temporarily restricted)
      mail flood
      flooding
    `,
  },
]
