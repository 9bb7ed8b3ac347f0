/** Verifies that a request comes from Slack (docs.slack.dev, "Verifying requests from Slack"). */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** Slack's own advice: an older request may be a replay. */
const toleranceMs = 5 * 60_000

/**
 * Whether the body is signed with the secret of the app, now.
 * @param body exactly as it came.
 * @param now epoch milliseconds.
 */
export function isFromSlack(
  { body, headers }: { readonly body: Buffer; readonly headers: IncomingHttpHeaders },
  signingSecret: string,
  now: number,
): boolean {
  const timestamp = String(headers['x-slack-request-timestamp'] ?? '')
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp) * 1_000) > toleranceMs) return false
  const presented = Buffer.from(String(headers['x-slack-signature'] ?? ''))
  const expected = Buffer.from(slackSignature(body, signingSecret, timestamp))
  return presented.length === expected.length && timingSafeEqual(presented, expected)
}

/** @param timestamp in seconds, as its header has it. */
export const slackSignature = (body: Buffer, signingSecret: string, timestamp: string): string =>
  `v0=${createHmac('sha256', signingSecret).update(`v0:${timestamp}:`).update(body).digest('hex')}`
