/** Rules on phrases that say little. Codes come before them. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const vagueTextRules: readonly FailureRule[] = [
  {
    id: 'text.mailbox-busy',
    source: `${sources.rfc5321} (450)`,
    reason: 'receiver_error',
    text: /mail ?box (?:\S+ )?(?:is )?(?:temporarily |currently )?(?:unavailable|busy|not available)|no mailbox by that name is currently/,
    reply: /^4/,
  },
  {
    id: 'text.mailbox-unavailable',
    source: `${sources.rfc5321} (550); ${sources.kumomta}; ${sources.crisp}`,
    reason: 'unknown_recipient',
    text: phrases`
      mail-? ?box (\S+ )?(is )?(\S+ )?(unavailable|not available|unreachable)
      (recipient|address|rcpt|user)( address)?(: ?| \[address\]:? ?| )(was |is )?(rejected|refused|denied|not accepted|not allowed|unavailable|undeliverable|failed)
      (rejected|refused|denied|undeliverable|unavailable) (recipient|address|user|mailbox|rcpt)
      address rejected
      that recipient is not allowed
      requested (mail )?action (not taken|aborted): ?mailbox
      permanent failure for one or more
      recipient .{1,30} denied
      delivery (has )?failed to (these|the following)
      one or more recipients
    `,
  },
  {
    id: 'text.refused',
    source: `${sources.rfc3463} X.7.1; ${sources.kumomta}`,
    reason: 'policy',
    text: phrases`
      message refused
      (message|mail|e-?mail|transaction|delivery|request|it) (\S+ )?(was |is |has been |has |were )*(rejected|refused|denied|declined|not accepted|blocked|discarded|returned)
      refused by
      rejected by
      access denied
      not acceptable
      refused to accept
      no thanks
      go away
      unwanted
      not wanted
      rejects? (mail|messages|your)
      filter(ed|s)?\b
    `,
  },
  ...(['connection', 'sender', 'data'] as const).map(
    (stage): FailureRule => ({
      id: `text.stage.${stage}`,
      source: `${sources.rfc5321} (order of commands)`,
      reason: 'policy',
      reply: /^5(?!52|21|56)/,
      stage,
    }),
  ),
  {
    id: 'text.about-access',
    source: sources.aftersend,
    reason: 'policy',
    reply: /^5/,
    text: phrases`
      \b(no|deny|denied|denies) access\b
      \baccess (is |was )?(deny|denied|forbidden|blocked|restricted|rejected)
      \bblack\b
      \bblock(s|ed|ing)?\b
      \bden(y|ies)\b
      \bpolic(y|ies)\b
    `,
  },
  {
    id: 'text.about-attempt',
    source: sources.aftersend,
    reason: 'policy',
    reply: /^5(?!52)/,
    text: phrases`
      mail ?from
      sender
      \bauth
      \bips?\b
      \b(smtp|mx|helo\w*|ehlo|dns|ptr|router?|routing)\b
      \[ip\]
      \b(client|relay|protocol|security)\b
      \b(header|content|attachment|file|rule)s?\b
      \b(banned|denied|reject(ed|ing)?|refus(ed|ing)|forbidden|prohibited) (content|by|due|for|because)
    `,
  },
  {
    id: 'text.about-recipient',
    source: sources.aftersend,
    reason: 'unknown_recipient',
    reply: /^5(?!52)/,
    text: phrases`
      \b(user|recipient|mail-? ?box|account|inbox|rcpt|alias|person|customer|user-?id)s?\b
      (?<!\[)\baddress(es)?\b(?!\])
    `,
  },
  {
    id: 'text.about-message',
    source: sources.aftersend,
    reason: 'policy',
    reply: /^5(?!52)/,
    text: phrases`
      \b(message|mail|e-?mail|transaction|delivery)\b
      \b(host|connection|server|network|domain|dns)\b
      \b(denied|rejected|refused|blocked|not (allowed|permitted))\b
    `,
  },
]

/** Texts without a reply code that no other rule understands: what they are about decides. */
export const uncodedTextRules: readonly FailureRule[] = [
  {
    id: 'text.uncoded.recipient',
    source: sources.aftersend,
    reason: 'unknown_recipient',
    reply: /^$/,
    text: /\b(?:user|recipient|mail-?box|account|inbox|person)s?\b|(?<!\[)\baddress(?:es)?\b(?!\])/,
  },
  {
    id: 'text.uncoded.server',
    source: sources.aftersend,
    reason: 'receiver_error',
    reply: /^$/,
    text: /\b(?:server|connect\w*|hosts?|network|database|daemon|system|program|dns|timeout|forward\w*)\b/,
  },
]
