/** Waits until every email is as it must be, and tells what is not. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Difference, differenceIn, differencesOf, isFullyApplied } from './comparison.ts'
import type { ExpectedEmail } from './oracle.ts'
import { type Reader, UnansweredError } from './reader.ts'

export interface VerifyOptions {
  readonly reader: Reader
  /** How long to wait for emails to become as they must be. */
  readonly timeoutMs: number
  /** Wait no longer once all is applied and nothing has changed for this long. Default 30 seconds. */
  readonly quietMs?: number
  readonly onVerified: (verified: number) => void
}

interface Finding {
  readonly expected: ExpectedEmail
  readonly differences: readonly Difference[]
  readonly isAnswered: boolean
  /** Nothing more is under way, as far as can be seen. */
  readonly isFinal: boolean
}

const [firstPauseMs, longestPauseMs] = [100, 2_000]

/**
 * Asks for every email until it is as it must be, then for all of them once more: that nothing came twice and nobody was
 * suppressed by mistake shows only after everything has been applied.
 * @returns what still differs when the time is over.
 */
export async function verifyEmails(expected: readonly ExpectedEmail[], options: VerifyOptions): Promise<Difference[]> {
  const endsAt = Date.now() + options.timeoutMs
  const findings = await awaitAll(expected, endsAt, options)
  const late = findings.length > 0 ? [] : await lookAgain(expected, endsAt, options.reader)
  return [...findings, ...late].flatMap((finding) => finding.differences)
}

/** One answer for each email, however often it takes to get it. */
async function lookAgain(expected: readonly ExpectedEmail[], endsAt: number, reader: Reader): Promise<Finding[]> {
  const findings: Finding[] = []
  let pending = expected
  for (;;) {
    const round = await findingsOf(pending, reader)
    findings.push(...round.filter((finding) => finding.isAnswered))
    const unanswered = round.filter((finding) => !finding.isAnswered)
    if (unanswered.length === 0 || Date.now() + longestPauseMs > endsAt) return [...findings, ...unanswered]
    pending = unanswered.map((finding) => finding.expected)
    await sleep(firstPauseMs)
  }
}

async function awaitAll(
  expected: readonly ExpectedEmail[],
  endsAt: number,
  { reader, quietMs = 30_000, onVerified }: VerifyOptions,
): Promise<Finding[]> {
  let [seen, changedAt, pauseMs] = ['', Date.now(), firstPauseMs]
  let pending = expected
  for (;;) {
    const askedAt = Date.now()
    let verified = expected.length - pending.length
    const findings = await findingsOf(pending, reader, () => onVerified(++verified))
    pending = findings.map((finding) => finding.expected)
    const now = Date.now()
    const sees = JSON.stringify(findings.map((finding) => finding.differences))
    if (sees !== seen) [seen, changedAt, pauseMs] = [sees, now, firstPauseMs]
    const isQuiet = findings.every((finding) => finding.isFinal) && now - changedAt >= quietMs
    if (findings.length === 0 || isQuiet || now + pauseMs > endsAt) return findings
    // At most half of the time is spent asking, so that a busy system gets on with its work.
    await sleep(Math.max(pauseMs, now - askedAt))
    pauseMs = Math.min(longestPauseMs, pauseMs * 2)
  }
}

/** The emails that are not as they must be. The reader bounds how many are asked for at once. */
async function findingsOf(
  expected: readonly ExpectedEmail[],
  reader: Reader,
  onVerified: () => void = () => {},
): Promise<Finding[]> {
  const look = async (email: ExpectedEmail) => {
    const finding = await lookAt(email, reader)
    if (finding.differences.length === 0) onVerified()
    return finding
  }
  const findings = await Promise.all(expected.map(look))
  return findings.filter((finding) => finding.differences.length > 0)
}

async function lookAt(expected: ExpectedEmail, reader: Reader): Promise<Finding> {
  try {
    const answer = await reader.readEmail(expected.id)
    const differences = differencesOf(expected, answer)
    // Suppressions come after the events are applied: asking before is for nothing.
    const isFinal = isFullyApplied(expected, answer)
    const suppressions = isFinal ? await suppressionDifferences(expected, reader) : []
    return { expected, differences: [...differences, ...suppressions], isAnswered: true, isFinal }
  } catch (error) {
    if (!(error instanceof UnansweredError)) throw error
    const differences = [differenceIn(expected, 'answer', 'an answer', error.message)]
    return { expected, differences, isAnswered: false, isFinal: false }
  }
}

async function suppressionDifferences(expected: ExpectedEmail, reader: Reader): Promise<Difference[]> {
  const wrongly = expected.notSuppressed.length === 0 ? [] : await reader.suppressedAmong(expected.notSuppressed)
  const clean = wrongly.map((address) => differenceIn(expected, `suppression of ${address}`, 'none', 'suppressed'))
  const missing = expected.suppressed.map(async ({ address, reason }) => {
    const answer = await reader.readSuppression(address)
    const actual = answer.suppressed ? answer.reason : 'none'
    return actual === reason ? [] : [differenceIn(expected, `suppression of ${address}`, reason, actual)]
  })
  return [...clean, ...(await Promise.all(missing)).flat()]
}
