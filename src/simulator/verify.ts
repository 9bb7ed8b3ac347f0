/** Waits until every email has its expected state, and returns what differs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Difference, differenceIn, differencesOf, isFullyApplied } from './comparison.ts'
import type { ExpectedEmail } from './oracle.ts'
import { NoResponseError, type Reader } from './reader.ts'

export interface VerifyOptions {
  readonly reader: Reader
  readonly timeoutMs: number
  /** Stop when all events are applied and nothing has changed for this time. Default 30 seconds. */
  readonly quietMs?: number
  readonly onVerified: (verified: number) => void
}

interface CheckResult {
  readonly expected: ExpectedEmail
  readonly differences: readonly Difference[]
  /** Whether the API responded. */
  readonly hasResponse: boolean
  /** Whether all events are applied. */
  readonly isFinal: boolean
}

const [firstPauseMs, longestPauseMs] = [100, 2_000]

/**
 * Reads every email until it has its expected state, then all emails once more: duplicates and wrong suppressions may appear
 * until all events of all emails are applied.
 * @returns the remaining differences.
 */
export async function verifyEmails(expected: readonly ExpectedEmail[], options: VerifyOptions): Promise<Difference[]> {
  const endsAt = Date.now() + options.timeoutMs
  const results = await waitForAll(expected, endsAt, options)
  const late = results.length > 0 ? [] : await checkAgain(expected, endsAt, options.reader)
  return [...results, ...late].flatMap((result) => result.differences)
}

/** One response for each email, with retries. */
async function checkAgain(expected: readonly ExpectedEmail[], endsAt: number, reader: Reader): Promise<CheckResult[]> {
  const results: CheckResult[] = []
  let pending = expected
  for (;;) {
    const round = await checkAll(pending, reader)
    results.push(...round.filter((result) => result.hasResponse))
    const failed = round.filter((result) => !result.hasResponse)
    if (failed.length === 0 || Date.now() + longestPauseMs > endsAt) return [...results, ...failed]
    pending = failed.map((result) => result.expected)
    await sleep(firstPauseMs)
  }
}

async function waitForAll(
  expected: readonly ExpectedEmail[],
  endsAt: number,
  { reader, quietMs = 30_000, onVerified }: VerifyOptions,
): Promise<CheckResult[]> {
  let [before, changedAt, pauseMs] = ['', Date.now(), firstPauseMs]
  let pending = expected
  for (;;) {
    const startedAt = Date.now()
    let verified = expected.length - pending.length
    const results = await checkAll(pending, reader, () => onVerified(++verified))
    pending = results.map((result) => result.expected)
    const now = Date.now()
    const differences = JSON.stringify(results.map((result) => result.differences))
    if (differences !== before) [before, changedAt, pauseMs] = [differences, now, firstPauseMs]
    const isQuiet = results.every((result) => result.isFinal) && now - changedAt >= quietMs
    if (results.length === 0 || isQuiet || now + pauseMs > endsAt) return results
    // Reads for at most half of the time, so that verification does not slow down a busy system.
    await sleep(Math.max(pauseMs, now - startedAt))
    pauseMs = Math.min(longestPauseMs, pauseMs * 2)
  }
}

/** The emails that differ from their expected state. The reader limits concurrency. */
async function checkAll(
  expected: readonly ExpectedEmail[],
  reader: Reader,
  onVerified: () => void = () => {},
): Promise<CheckResult[]> {
  const check = async (email: ExpectedEmail) => {
    const result = await checkEmail(email, reader)
    if (result.differences.length === 0) onVerified()
    return result
  }
  const results = await Promise.all(expected.map(check))
  return results.filter((result) => result.differences.length > 0)
}

async function checkEmail(expected: ExpectedEmail, reader: Reader): Promise<CheckResult> {
  try {
    const actual = await reader.readEmail(expected.id)
    const differences = differencesOf(expected, actual)
    // Addresses are suppressed after the events are applied.
    const isFinal = isFullyApplied(expected, actual)
    const suppressions = isFinal ? await suppressionDifferences(expected, reader) : []
    return { expected, differences: [...differences, ...suppressions], hasResponse: true, isFinal }
  } catch (error) {
    if (!(error instanceof NoResponseError)) throw error
    const differences = [differenceIn(expected, 'response', 'a response', error.message)]
    return { expected, differences, hasResponse: false, isFinal: false }
  }
}

async function suppressionDifferences(expected: ExpectedEmail, reader: Reader): Promise<Difference[]> {
  const addresses = expected.recipients.filter(({ suppression }) => suppression === null).map(({ address }) => address)
  const wrongly = addresses.length === 0 ? [] : await reader.suppressedAmong(addresses)
  const clean = wrongly.map((address) => differenceIn(expected, `suppression of ${address}`, 'none', 'suppressed'))
  const missing = expected.recipients.map(async ({ address, suppression }) => {
    if (suppression === null) return []
    const state = await reader.readSuppression(address)
    const actual = state.suppressed ? state.reason : 'none'
    return actual === suppression ? [] : [differenceIn(expected, `suppression of ${address}`, suppression, actual)]
  })
  return [...clean, ...(await Promise.all(missing)).flat()]
}
