/** Whether a simulation can begin: better told now than after minutes of retries. */
import { ConfigurationError } from '../../errors.ts'
import { signAisend } from '../../providers/aisend.ts'
import type { Target } from '../target.ts'
import { whyUnanswered } from './provider.ts'

const timeoutMs = 5_000

/**
 * Tries the API key on an email that nobody has, and the secret on an empty event, which is refused unstored.
 * @throws ConfigurationError that says what to put right: nothing listens, or it takes another key or secret.
 */
export async function probe({ apiUrl, apiKey, webhookSecret }: Target): Promise<void> {
  const key = await statusOf(`${apiUrl}/v1/emails/simulate-probe`, { headers: { authorization: `Bearer ${apiKey}` } })
  if (key === 401 || key === 403) throw new ConfigurationError(`${apiUrl} does not take this API key: say --api-key`)
  const headers = { 'content-type': 'application/json', 'x-webhook-signature': signAisend('{}', webhookSecret) }
  const secret = await statusOf(`${apiUrl}/webhooks/aisend`, { method: 'POST', headers, body: '{}' })
  if (secret === 401) throw new ConfigurationError(`${apiUrl} does not take this webhook secret: say --secret`)
  if (secret === 404) throw new ConfigurationError(`${apiUrl} takes no AISend webhooks: is that Aftersend?`)
}

async function statusOf(url: string, request: RequestInit): Promise<number> {
  try {
    const response = await fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    throw new ConfigurationError(`${new URL(url).origin}: ${whyUnanswered(error)}. Is it started (npm start)?`)
  }
}
