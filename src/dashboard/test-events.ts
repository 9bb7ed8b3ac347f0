/** Test events of an email that was never sent, signed, verified and parsed as the provider's webhooks are. */
import { randomBytes } from 'node:crypto'
import { Problem } from '../http/problem.ts'
import type { Inbox } from '../inbox/inbox.ts'
import { ofAccount } from '../providers/accounts.ts'
import type { ProviderEntry, WebhookSource } from '../providers/provider.ts'
import { providerNamed } from '../providers/registry.ts'
import type { SignedRequest } from '../providers/sample.ts'

/** Whether the configured secret can sign, too: of some providers, only the public key is known. */
export const canSignTestEvents = (source: WebhookSource): boolean =>
  !source.provider.takesMail && (entryOf(source)?.signsWithItsSecret ?? false)

const entryOf = ({ entry, provider }: WebhookSource): ProviderEntry | undefined => entry ?? providerNamed(provider.name)

/**
 * Receives the events `sent` and `delivered` of one email, as far as the provider sends both.
 * @param now epoch milliseconds.
 * @returns the email's ID.
 * @throws Problem 404 if the provider's signature cannot be made; 409 if the signature by its first secret is not valid.
 */
export async function receiveTestEvents(source: WebhookSource, now: number, inbox: Inbox): Promise<string> {
  const entry = entryOf(source)
  const [secret] = source.secrets
  if (!entry || !canSignTestEvents(source) || secret === undefined) {
    throw new Problem(404, 'test events of this provider cannot be signed')
  }
  const { provider, secrets } = source
  const [emailId, requests] = testRequests(entry, secret, now)
  for (const { body, headers } of requests) {
    const rawBody = Buffer.from(body)
    if (!(await provider.verify(rawBody, headers, secrets))) {
      throw new Problem(
        409,
        'the signature by the first secret is not valid: check that it is a secret of this provider',
      )
    }
    await inbox.append(ofAccount(provider.parse(rawBody, now, headers), source, null))
  }
  return emailId
}

function testRequests(entry: ProviderEntry, secret: string, now: number): [emailId: string, SignedRequest[]] {
  const { sampleFormat: format, sign, eventTypes } = entry
  const id = format.emailIdOf(`test_${randomBytes(6).toString('hex')}`)
  const email = { id, to: ['test@example.com'], subject: 'Test email', tags: ['test'] }
  const noFacts = { recipient: null, bounce: null, engagement: null }
  const types = (['sent', 'delivered'] as const).filter((type) => eventTypes.includes(type))
  const events = types.flatMap((type) => format.adapt({ id: `evt_${id}_${type}`, type, ...noFacts }, email))
  const at = new Date(now)
  return [id, events.map((event) => sign(format.bodyOf([{ ...event, at }], email), secret, now))]
}
