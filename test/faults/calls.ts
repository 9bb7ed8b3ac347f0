/** Requests of a provider and of an application. */
import { aisendSignature } from '../../src/providers/aisend/sample.ts'
import { apiKey, webhookSecret } from '../api/served.ts'

/** Posts a genuine webhook. @returns how many of its events were new. @throws unless it is acknowledged. */
export async function postWebhook(url: string, event: object): Promise<number> {
  const body = JSON.stringify(event)
  const headers = { 'content-type': 'application/json', 'x-webhook-signature': aisendSignature(body, webhookSecret) }
  const response = await fetch(`${url}/webhooks/aisend`, { method: 'POST', headers, body })
  const answer = (await response.json()) as { received: number }
  if (response.status !== 200) throw new WebhookRefusedError(response.status)
  return answer.received
}

class WebhookRefusedError extends Error {
  readonly status: number

  constructor(status: number) {
    super(`answered ${status}`)
    this.status = status
  }
}

/** {@link postWebhook} as providers do it: again while it is not confirmed as stored, which a busy machine may cause. */
export async function postUntilStored(url: string, event: object): Promise<number> {
  for (;;) {
    try {
      return await postWebhook(url, event)
    } catch (error) {
      if (!(error instanceof WebhookRefusedError && error.status === 503)) throw error
    }
  }
}

/** Calls `/v1` with a key. @throws unless it answers 2xx. */
export async function callApi<T>(url: string, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(`${url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as T
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}`)
  return answer
}
