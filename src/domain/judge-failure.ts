/** Why an email failed and whose fault it was, from what the provider and the receiver said. */
import {
  type FailureEvidence,
  type FailureJudgement,
  type FailureRule,
  failureReasons,
  type SmtpStage,
} from './failure.ts'
import { failureRules } from './failure-rules.ts'
import { isCodeOf, type ReplyText, repliesIn, stageIn } from './failure-text.ts'

/** One reply with what the provider says beside it: what the conditions of a rule are checked against. */
interface Subject {
  readonly word: string
  readonly reply: ReplyText | null
  readonly line: string
  readonly enhancedCodes: readonly string[]
  readonly replyCode: string | null
  /** Of all replies and of the provider. */
  readonly hasNoCode: boolean
  readonly stage: SmtpStage | null
}

/** Judges a failure by the first rule that matches. Pure; never throws. */
export function judgeFailure(evidence: FailureEvidence): FailureJudgement {
  const replies = repliesIn(evidence.text ?? '')
  const subjects = subjectsOf(evidence, replies)
  for (const group of failureRules) {
    for (const subject of subjects) {
      const rule = group.find((candidate) => matches(candidate, subject))
      if (rule) return judgementBy(rule, subject, evidence)
    }
  }
  return unexplained(evidence, subjects)
}

function subjectsOf(evidence: FailureEvidence, replies: readonly ReplyText[]): Subject[] {
  const word = [evidence.word, evidence.subWord].filter(Boolean).join(' ').toLowerCase()
  const host = evidence.host?.toLowerCase() ?? ''
  const ofProvider = {
    enhancedCodes: [evidence.enhancedCode?.trim() ?? ''].filter((code) => isTrusted(code, evidence, replies)),
    replyCode: isTrusted(evidence.replyCode?.trim() ?? '', evidence, replies)
      ? (evidence.replyCode?.trim() ?? null)
      : null,
  }
  const hasNoCode = [ofProvider, ...replies].every(
    ({ enhancedCodes, replyCode }) => enhancedCodes.length === 0 && replyCode === null,
  )
  const stage = stageIn(evidence.text ?? '')
  const ofReplies = replies.map((reply) => ({
    ...{ word, reply, line: `${reply.line} ${host}`, enhancedCodes: reply.enhancedCodes, replyCode: reply.replyCode },
    ...{ hasNoCode, stage },
  }))
  return [...ofReplies, { word, reply: null, line: host, ...ofProvider, hasNoCode, stage }]
}

/** A code that the provider took from the text's IP addresses or sizes is none. */
const isTrusted = (code: string, { text }: FailureEvidence, replies: readonly ReplyText[]): boolean =>
  code !== '' && (!text?.includes(code) || isCodeOf(replies, code))

const matches = (rule: FailureRule, subject: Subject): boolean =>
  (rule.word?.test(subject.word) ?? true) &&
  (rule.text?.test(subject.reply?.prose ?? '') ?? true) &&
  (rule.line?.test(subject.line) ?? true) &&
  (!rule.enhanced || subject.enhancedCodes.some((code) => rule.enhanced?.test(code))) &&
  (rule.reply?.test(subject.replyCode ?? '') ?? true) &&
  (!rule.stage || rule.stage === subject.stage) &&
  (!rule.hasNoCode || subject.hasNoCode)

function judgementBy(rule: FailureRule, subject: Subject, evidence: FailureEvidence): FailureJudgement {
  return {
    reason: rule.reason,
    party: rule.party ?? failureReasons[rule.reason],
    isFinal: rule.isFinal ?? isPermanent(subject, evidence),
    evidence: rule.word ? null : (subject.reply?.shown ?? null),
    rule: rule.id,
  }
}

/** By the code nearest to the text that decided, then by the provider's class; without either a failure is permanent. */
function isPermanent(subject: Subject, { class: providerClass, enhancedCode, replyCode }: FailureEvidence): boolean {
  const code = subject.enhancedCodes[0] ?? subject.replyCode ?? enhancedCode?.trim() ?? replyCode?.trim()
  const isHard = providerClass === 'hard'
  if (code?.startsWith('5')) return true
  if (code?.startsWith('4')) return isHard
  return providerClass !== 'soft'
}

const givesReason = (reply: ReplyText | null): boolean => /[a-z]{2}.*\s[a-z]{2}/.test(reply?.prose ?? '')

/**
 * No rule matches. A provider that says `bounced` and no more has stopped trying, and AISend's documentation lets that
 * stand for an address that refuses mail for good. A receiver that gives a reason which nobody understands says more than that.
 */
function unexplained(evidence: FailureEvidence, subjects: readonly Subject[]): FailureJudgement {
  const [innermost] = subjects
  const isFinal = innermost ? isPermanent(innermost, evidence) : evidence.class !== 'soft'
  const hasUnknownReason = subjects.some(({ reply, replyCode }) => replyCode !== null && givesReason(reply))
  const isHeld = isFinal && evidence.class !== 'soft' && !hasUnknownReason
  return {
    reason: 'unknown',
    party: isHeld ? 'recipient' : 'unknown',
    isFinal,
    evidence: innermost?.reply?.shown ?? null,
    rule: isHeld ? 'aisend.unexplained-hard' : 'aftersend.unexplained',
  }
}
