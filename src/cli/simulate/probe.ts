/** Whether a simulation can begin: better told now than after minutes of retries. */
import { ConfigurationError } from '../../errors.ts'
import type { ProviderEntry } from '../../providers/registry.ts'
import type { Target } from '../target.ts'
import { whyUnanswered } from './provider.ts'

const timeoutMs = 5_000

/**
 * Tries the API key on an email that nobody has, and the secret on what is genuine and no event: it is refused unstored.
 * @throws ConfigurationError that says what to put right: nothing listens, or it takes another key or secret.
 */
export async function probe(target: Target, provider: ProviderEntry): Promise<void> {
  const { apiUrl, apiKey } = target
  const key = await statusOf(`${apiUrl}/v1/emails/simulate-probe`, { headers: { authorization: `Bearer ${apiKey}` } })
  if (key === 401 || key === 403) throw new ConfigurationError(`${apiUrl} does not take this API key: say --key`)
  const secret = await probeWebhook(`${apiUrl}/webhooks/${provider.name}`, target.webhookSecret, provider)
  if (secret === 401) throw new ConfigurationError(`${apiUrl} does not take this webhook secret: say --secret`)
  if (secret === 404)
    throw new ConfigurationError(`${apiUrl} takes no webhooks of ${provider.title}: is one configured?`)
}

/** The status that a genuine body which holds no event is answered with: 400, or 401 where it is not taken for genuine. */
export const probeWebhook = (url: string, secret: string, { sign }: ProviderEntry): Promise<number> => {
  // Spaces and letters that whoever changes bodies on the way would change; a body of its own, since tokens are used once.
  const body = `{ "aftersend" : "probe – grüße", "at" : ${Date.now()} }`
  return statusOf(url, { method: 'POST', ...sign(body, secret, Date.now()) })
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
