/**
 * The proof of Mandrill's webhooks: an HMAC-SHA1 with the webhook's key over its URL and the fields of the form that it posts. Source:
 * Mailchimp Transactional, "Authenticating webhook requests". The URL is the one that was entered at Mandrill, to the letter; what a
 * request came to through proxies may differ. So a secret holds both: `KEY=URL`.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Proof } from '../proof.ts'
import type { Provider } from '../provider.ts'
import { sharedSecret } from '../sample.ts'
import { matchesAny } from '../signature.ts'

const header = 'x-mandrill-signature'

/**
 * With this key Mandrill signs the empty batch by which it asks whether a URL exists, before it shows the webhook's own key. Anybody may
 * use it, so it proves nothing, and is accepted for nothing else.
 */
const keyOfTheTest = 'test-webhook'

/** 20 bytes in base64. */
const signatureForm = /^[A-Za-z0-9+/]{27}=$/

const secretForm = /^([\w-]{8,})=(https?:\/\/\S+)$/

/** The events in a form, in JSON; null if the body is no such form. */
export function mandrillEventsIn(rawBody: Buffer): string | null {
  const [events, ...others] = new URLSearchParams(rawBody.toString()).getAll('mandrill_events')
  return events === undefined || others.length > 0 ? null : events
}

/** "Sort the request's POST variables alphabetically by key", and join each key and value. */
const fieldsOf = (rawBody: Buffer): string =>
  [...new URLSearchParams(rawBody.toString())]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flat()
    .join('')

const signatureOf = (key: string, url: string, fields: string): Buffer =>
  createHmac('sha1', key)
    .update(url + fields)
    .digest()

export const mandrillProof: Proof = {
  verify(rawBody, headers, secrets) {
    const signature = String(headers[header] ?? '')
    const events = mandrillEventsIn(rawBody)
    if (!signatureForm.test(signature) || events === null) return false
    const presented = Buffer.from(signature, 'base64')
    const fields = fieldsOf(rawBody)
    return matchesAny(secrets, (secret) => {
      const [, key = '', url = ''] = secretForm.exec(secret) ?? []
      const keys = events.trim() === '[]' ? [key, keyOfTheTest] : [key]
      return matchesAny(keys, (each) => timingSafeEqual(signatureOf(each, url, fields), presented))
    })
  },
  accepts: (value) => URL.canParse(secretForm.exec(value)?.[2] ?? ''),
  requirement:
    'the key of a webhook and its URL as entered at Mandrill, such as KEY=https://your-host/webhooks/mandrill',
  signsWithItsSecret: true,
  sign(body, secret) {
    const [, key = '', url = ''] = secretForm.exec(secret) ?? []
    const form = new URLSearchParams({ mandrill_events: body }).toString()
    const signature = signatureOf(key, url, fieldsOf(Buffer.from(form))).toString('base64')
    return { headers: { 'content-type': 'application/x-www-form-urlencoded', [header]: signature }, body: form }
  },
  generateSecret: () =>
    sharedSecret(`${randomBytes(16).toString('base64url')}=https://aftersend.example/webhooks/mandrill`),
}

export const explainRefusal: NonNullable<Provider['explainRefusal']> = (rawBody, headers) =>
  headers[header] !== undefined && mandrillEventsIn(rawBody) !== null
    ? {
        status: 401,
        detail:
          'the signature is not valid: check the key, and that the URL after it is to the letter the one entered at Mandrill',
      }
    : null
