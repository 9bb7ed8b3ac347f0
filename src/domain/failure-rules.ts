/** The rule table: which failure means what. Add rules here; docs/failures.md says how. */
import type { FailureRule } from './failure.ts'
import { ahasendRules } from './failure-rules/ahasend-rules.ts'
import { azureRules } from './failure-rules/azure-rules.ts'
import { bounceClassRules, vagueBounceClassRules } from './failure-rules/bounce-class-rules.ts'
import { brevoRules, vagueBrevoRules } from './failure-rules/brevo-rules.ts'
import { enhancedCodeRules, replyCodeRules } from './failure-rules/code-rules.ts'
import { firstTextRules } from './failure-rules/first-text-rules.ts'
import { googleAndMicrosoftRules } from './failure-rules/google-microsoft-rules.ts'
import { languageRules } from './failure-rules/language-rules.ts'
import { lettermintRules, vagueLettermintRules } from './failure-rules/lettermint-rules.ts'
import { mailboxFullRules } from './failure-rules/mailbox-full-rules.ts'
import { mailjetRules, vagueMailjetRules } from './failure-rules/mailjet-rules.ts'
import { mailtrapRules, vagueMailtrapRules } from './failure-rules/mailtrap-rules.ts'
import { postalRules } from './failure-rules/postal-rules.ts'
import { receiverRules } from './failure-rules/receiver-rules.ts'
import { recipientTextRules } from './failure-rules/recipient-text-rules.ts'
import { scalewayBlocklistRules, scalewayRules } from './failure-rules/scaleway-rules.ts'
import { senderTextRules } from './failure-rules/sender-text-rules.ts'
import { serverTextRules } from './failure-rules/server-text-rules.ts'
import { uncodedTextRules, vagueTextRules } from './failure-rules/vague-text-rules.ts'
import { vagueWordRules, wordRules } from './failure-rules/word-rules.ts'
import { vagueZeptomailRules } from './failure-rules/zeptomail-rules.ts'

/** Raised with each release whose rules change a verdict. */
export const failureRulesVersion = 4

/**
 * The rules in the order in which they are tried, the specific before the general. Each group is tried on the innermost
 * quoted reply, then on the one around it, before the next group is tried.
 */
export const failureRules: readonly (readonly FailureRule[])[] = [
  [
    ...brevoRules,
    ...mailjetRules,
    ...bounceClassRules,
    ...mailtrapRules,
    ...postalRules,
    ...ahasendRules,
    ...lettermintRules,
    ...wordRules,
    ...scalewayBlocklistRules,
  ],
  [
    ...googleAndMicrosoftRules,
    ...receiverRules,
    ...firstTextRules,
    ...mailboxFullRules,
    ...senderTextRules,
    ...recipientTextRules,
    ...languageRules,
    ...serverTextRules,
  ],
  [
    ...vagueBrevoRules,
    ...vagueMailjetRules,
    ...vagueBounceClassRules,
    ...vagueMailtrapRules,
    ...vagueLettermintRules,
    ...vagueZeptomailRules,
    ...vagueWordRules,
    ...azureRules,
    ...scalewayRules,
  ],
  enhancedCodeRules,
  vagueTextRules,
  replyCodeRules,
  uncodedTextRules,
]
