/** Rules on the provider's own types. They come first: the provider never handed these emails to a receiver. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const wordRules: readonly FailureRule[] = [
  {
    id: 'aftersend.soft-bounce-limit',
    source: sources.aftersend,
    reason: 'inactive_mailbox',
    isFinal: true,
    word: /\bsoft_bounce_limit\b/,
  },
  {
    id: 'provider.unsubscribed',
    source: `${sources.sendgrid}; ${sources.mailgun}; ${sources.postmark}`,
    reason: 'unsubscribed',
    word: /unsubscri/,
  },
  {
    id: 'provider.automatic-reply',
    source: `${sources.postmark}; ${sources.rfc6522}`,
    reason: 'automatic_reply',
    isFinal: false,
    word: phrases`
      auto-?_?(responder|reply|response)
      out-?_?of-?_?office
      challengeverification
      challenge_verification
    `,
  },
  {
    id: 'provider.suppressed-address',
    source: `${sources.ses}; ${sources.sendgrid}; ${sources.mailgun}; ${sources.resend}; ${sources.postmark}`,
    reason: 'provider_refused',
    party: 'recipient',
    isFinal: true,
    word: /\b(?:bounced address|spam reporting address|suppress(?:ed|-bounce|-complaint)|onaccountsuppressionlist|manuallydeactivated|inactive ?recipient)\b/,
  },
  {
    id: 'provider.text.unsubscribed',
    source: `${sources.mailgun}; ${sources.sendgrid}`,
    reason: 'unsubscribed',
    text: /^(?:not delivering to )?(?:an? )?unsubscribed (?:address|recipient)|^unsubscribed/,
  },
  {
    id: 'provider.text.suppressed-address',
    source: `${sources.ses}; ${sources.mailgun}; ${sources.sendgrid}; ${sources.resend}`,
    reason: 'provider_refused',
    party: 'recipient',
    isFinal: true,
    text: phrases`
      ^bounced address$
      ^spam reporting address$
      previously bounced address
      user who marked your messages as spam
      ^on(account)?suppressionlist$
      (on|in) (the|our|your) (account )?suppression list
      suppressed sending to this address
      recent history of (bouncing|producing hard bounces)
      last event at resend: suppressed
    `,
  },
  {
    // The reply that it quotes is the one about the sender, so it must come before that is read.
    id: 'exim.sender-verify',
    source: sources.exim,
    reason: 'bad_sender',
    text: /sender (?:verify|callout|verification) (?:callout )?fail/,
  },
  {
    id: 'provider.quota',
    source: `${sources.sendgrid}; ${sources.resend}`,
    reason: 'provider_refused',
    isFinal: true,
    word: phrases`
      over package quota
      (daily|monthly)_quota
      reached_\w*quota
      smtpapierror
      smtpapi header
      inbounderror
    `,
  },
  {
    id: 'provider.template',
    source: `${sources.postmark}; ${sources.ses}`,
    reason: 'provider_refused',
    party: 'sender',
    isFinal: true,
    word: phrases`
      rendering ?fail
      templaterendering
      rendering failure
      unconfirmed
      not_verified
      domain_not_verified
      sender_not_
    `,
  },
  {
    id: 'provider.text.unverified',
    source: `${sources.ses}; SparkPost: sending domains`,
    reason: 'provider_refused',
    party: 'sender',
    text: /email address is not verified|(?:unconfigured|unverified) sending domain/,
  },
  {
    id: 'provider.dmarc',
    source: sources.postmark,
    reason: 'authentication',
    word: /dmarcpolicy|dmarc_policy/,
  },
  {
    id: 'provider.spam-content',
    source: `${sources.sendgrid}; ${sources.postmark}; ${sources.ses}`,
    reason: 'spam_content',
    word: phrases`
      \bspam content\b
      spamnotification
      \bcontentrejected\b
    `,
  },
  {
    id: 'provider.virus',
    source: `${sources.postmark}; ${sources.ses}`,
    reason: 'virus',
    word: /virusnotification|attachmentrejected/,
  },
  { id: 'provider.size', source: sources.ses, reason: 'too_large', word: /messagetoolarge/ },
  {
    id: 'provider.full',
    source: sources.ses,
    reason: 'mailbox_full',
    isFinal: false,
    word: /mailboxfull|mailbox_full/,
  },
  { id: 'provider.moved', source: sources.postmark, reason: 'recipient_moved', isFinal: false, word: /addresschange/ },
  {
    id: 'provider.timed-out',
    source: `${sources.ses}; ${sources.sendgrid}; ${sources.mailgun}`,
    reason: 'timed_out',
    word: phrases`
      customtimeoutexceeded
      \bold\b
      \bexpired\b
    `,
  },
  { id: 'provider.greylisted', source: sources.mailgun, reason: 'greylisted', word: /\bgreylist/ },
  { id: 'provider.dns', source: sources.postmark, reason: 'connection_failed', isFinal: false, word: /dnserror/ },
]

/** Rules on types that say less than a response text does: they come after the texts. */
export const vagueWordRules: readonly FailureRule[] = [
  {
    id: 'provider.no-email',
    source: `${sources.ses}; ${sources.sendgrid}; ${sources.postmark}`,
    reason: 'unknown_recipient',
    word: phrases`
      \bnoemail\b
      invalid address
      bademailaddress
      \bhardfail\b
      \bno_?mailbox\b
    `,
  },
  {
    // Amazon: an automatic reply may be reported as this type. A refusal names a code or a status; a reply to a delivered email does not.
    id: 'provider.automatic-reply-likely',
    source: `${sources.ses}: Transient, General; ${sources.resend}`,
    reason: 'automatic_reply',
    isFinal: false,
    word: /\btransient general\b/,
    hasNoCode: true,
  },
  {
    // SendGrid sends to a blocked address again.
    id: 'provider.blocked-mailbox',
    source: `${sources.sendgrid}: blocked`,
    reason: 'inactive_mailbox',
    isFinal: false,
    word: /\bblocked mailbox unavailable\b/,
  },
  {
    id: 'provider.content',
    source: `${sources.sendgrid}; ${sources.ses}: delay types`,
    reason: 'spam_content',
    word: phrases`
      ^bounce (blocked )?content$
      \bspamdetected\b
    `,
  },
  {
    id: 'provider.volume',
    source: sources.sendgrid,
    reason: 'rate_limited',
    word: /\bfrequency or volume too high\b/,
  },
  {
    id: 'provider.technical',
    source: `${sources.sendgrid}; ${sources.ses}: delay types`,
    reason: 'receiver_error',
    word: phrases`
      ^bounce (blocked )?technical$
      \brecipientservererror\b
    `,
  },
  {
    id: 'provider.connection',
    source: `${sources.ses}: delay types`,
    reason: 'connection_failed',
    word: /\btransientcommunicationfailure\b/,
  },
  {
    id: 'provider.blocked',
    source: `${sources.mailgun}; ${sources.postmark}; ${sources.sendgrid}; ${sources.ses}: delay types`,
    reason: 'blocked_reputation',
    word: phrases`
      ^bounce blocked$
      \bespblock\b
      \breputation\b
      \bipfailure\b
      \bisp ?block
      \bspam ?block
    `,
  },
  {
    // SES rejects emails in which it finds malware.
    id: 'provider.rejected-virus',
    source: `${sources.ses}: Reject`,
    reason: 'virus',
    isFinal: true,
    word: /^reject$/,
  },
  {
    id: 'provider.rejected',
    source: `${sources.mailgun}: rejected; ${sources.resend}: email.failed; ${sources.ses}: delay types`,
    reason: 'provider_refused',
    word: phrases`
      ^rejected$
      ^failed( (?!permanent|temporary)|$)
      \binternalfailure\b
    `,
  },
]
