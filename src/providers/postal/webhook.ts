/**
 * Postal, a mail server of one's own. Sources: its code (postalserver/postal: lib/postal/http.rb, signer.rb, message_db/delivery.rb,
 * app/services/webhook_delivery_service.rb, app/lib/message_dequeuer, app/senders/smtp_sender.rb) and postalserver/docs (webhooks.md).
 */
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, createAdapter } from '../adapter.ts'
import { messageIdIn } from '../custom-fields.ts'
import { oneEntry } from '../entries.ts'
import { type BounceReport, codeIn } from '../event-builder.ts'
import { idForm, type Json, partOf, required, tagsIn, textIn } from '../fields.ts'
import type { Proof } from '../proof.ts'
import { publicKeyIn } from '../signature.ts'

const [sha256Header, sha1Header] = ['x-postal-signature-256', 'x-postal-signature']

/** One key signs for all servers of an installation. Postal before 3.0 signs with SHA-1 alone. A retry has the same bytes, and no time. */
export const postalProof: Proof = {
  verify(rawBody, headers, publicKeys) {
    const isModern = headers[sha256Header] !== undefined
    const signature = headers[isModern ? sha256Header : sha1Header]
    if (typeof signature !== 'string') return false
    const presented = Buffer.from(signature, 'base64')
    return publicKeys.some((key) => verify(isModern ? 'sha256' : 'sha1', rawBody, publicKeyIn(key), presented))
  },
  accepts(value) {
    try {
      return publicKeyIn(value).asymmetricKeyType === 'rsa'
    } catch {
      return false
    }
  },
  requirement: "the RSA public key of Postal's signing key: base64 of its DER form",
  signsWithItsSecret: false,
  sign: (body, privateKey) => ({
    headers: {
      'content-type': 'application/json',
      [sha1Header]: sign('sha1', Buffer.from(body), privateKey).toString('base64'),
      [sha256Header]: sign('sha256', Buffer.from(body), privateKey).toString('base64'),
    },
    body,
  }),
  generateSecret() {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    return {
      accepted: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      signing: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
  },
}

/** Postal numbers the messages of each server from 1, so only the Message-ID is unique. Its API answers with it as `message_id`. */
export const postalEmailIdOf = (named: string): string => messageIdIn(named) ?? named

export const postal: Adapter = createAdapter({
  name: 'postal',
  verify: postalProof.verify,
  entriesIn: oneEntry,
  emailIdName: 'message_id',
  wordOf: (envelope) => envelope['event'],
  types: {
    MessageSent: 'delivered',
    MessageDelayed: 'bounced',
    MessageDeliveryFailed: 'bounced',
    MessageHeld: 'bounced',
    MessageBounced: 'bounced',
    MessageLoaded: 'opened',
    MessageLinkClicked: 'clicked',
    DomainDNSError: null,
    SendLimitApproaching: null,
    SendLimitExceeded: null,
  },
  isAboutNoEmail: (envelope) => messageIn(envelope)['direction'] === 'incoming',
  factsOf(envelope) {
    const [payload, message] = [partOf(envelope, 'payload'), messageIn(envelope)]
    return {
      id: required('uuid', idForm, [envelope['uuid']]),
      emailId: postalEmailIdOf(textIn(message, ['message_id']) ?? '') || message['token'],
      times: [payload['timestamp'], partOf(payload, 'bounce')['timestamp'], envelope['timestamp']],
      recipient: textIn(message, ['to']),
      subject: message['subject'],
      userAgent: textIn(payload, ['user_agent']),
      response: [textIn(payload, ['output'])],
      tags: tagsIn(message['tag']),
    }
  },
  bounceOf,
})

const messageIn = (envelope: Json): Json => {
  const payload = partOf(envelope, 'payload')
  return payload['message'] === undefined ? partOf(payload, 'original_message') : partOf(payload, 'message')
}

/**
 * The text that a receiver answered, else Postal's own. A failure without a receiver's code is Postal's. A held email is sent when somebody
 * releases it, unless its address is on Postal's list. `MessageBounced` is any email that came to the return path, an absence notice too: of its
 * text, Postal reports the subject alone.
 */
function bounceOf(envelope: Json, word: string): BounceReport {
  const payload = partOf(envelope, 'payload')
  const [output, details] = [textIn(payload, ['output']) || null, textIn(payload, ['details'])]
  const [code, status] = [codeIn(null, output), textIn(payload, ['status'])]
  const isRefused = word === 'MessageDeliveryFailed'
  return {
    class: isRefused && code !== null ? classifyBounce({ code }) : 'soft',
    code,
    message: output || details || textIn(partOf(payload, 'bounce'), ['subject']),
    word,
    subWord: status,
    host: /\bwhen sending to \S+ \(([^\s()]+)\)/.exec(details ?? '')?.[1] ?? null,
    isOver: isRefused || word === 'MessageBounced' || /\bsuppression list\b/i.test(details ?? ''),
  }
}
