/** Checks address, API key and webhook secret before a simulation starts, instead of minutes of retries. */

import { ConfigurationError } from '../errors.ts'
import type { ProviderEntry } from '../providers/provider.ts'
import type { Target } from './options.ts'
import { fetchErrorText } from './sender.ts'

const timeoutMs = 5_000

/**
 * Requests an unknown email with the API key, and posts a signed webhook without an event, which is not stored.
 * @throws ConfigurationError that says what to correct.
 */
export async function probe(target: Target, provider: ProviderEntry): Promise<void> {
  const { apiUrl, apiKey } = target
  const key = await statusOf(`${apiUrl}/v1/emails/simulate-probe`, { headers: { authorization: `Bearer ${apiKey}` } })
  if (key === 401 || key === 403) throw new ConfigurationError(`${apiUrl} does not accept the API key: set --key`)
  const secret = await probeWebhook(`${apiUrl}/webhooks/${provider.name}`, target.webhookSecret, provider)
  if (secret === 401) throw new ConfigurationError(`${apiUrl} does not accept the webhook secret: set --secret`)
  if (secret === 404)
    throw new ConfigurationError(`${apiUrl} has no webhook for ${provider.title}: set its secret there`)
}

/** The status of the response to a signed request without an event: 400, or 401 if the signature is not accepted. */
export const probeWebhook = (url: string, secret: string, { sign }: ProviderEntry): Promise<number> => {
  // Spaces and non-ASCII letters, which a proxy that parses bodies would change. Unique, since some tokens are used once.
  const body = `{ "aftersend" : "probe – grüße", "at" : ${Date.now()} }`
  return statusOf(url, { method: 'POST', ...sign(body, secret, Date.now()) })
}

async function statusOf(url: string, request: RequestInit): Promise<number> {
  try {
    const response = await fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    throw new ConfigurationError(
      `${new URL(url).origin}: ${fetchErrorText(error)}. Start it with npx aftersend up, or set --url.`,
    )
  }
}
