/** The life of an email that was never sent, told as its provider would: written, signed, verified and read as webhooks are. */
import { randomBytes } from 'node:crypto'
import { Problem } from '../api/problem.ts'
import { dialectOf, toldBy } from '../cli/simulate/dialects/dialect.ts'
import type { PlannedEmail, PlannedEvent } from '../cli/simulate/plan.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { SignedRequest, WebhookSource } from '../providers/provider.ts'
import { type ProviderEntry, providerNamed } from '../providers/registry.ts'

/** Whether we hold what the provider signs with: of some only the half that checks a signature is known here. */
export const isTestable = ({ provider }: WebhookSource): boolean =>
  providerNamed(provider.name)?.signsWithItsSecret ?? false

/**
 * Takes the events of one email to nobody: sent and delivered, as far as the provider tells of both.
 * @param now epoch milliseconds.
 * @returns the email's ID.
 * @throws Problem 404 if the provider's signature cannot be made here; 409 if what is signed with the first of its secrets is not
 * accepted.
 */
export async function takeTestEvents(source: WebhookSource, now: number, inbox: Inbox): Promise<string> {
  const entry = providerNamed(source.provider.name)
  const [secret] = source.secrets
  if (!entry?.signsWithItsSecret || secret === undefined) {
    throw new Problem(404, 'no test event is known for this provider')
  }
  const { provider, secrets } = source
  const [emailId, requests] = testRequests(entry, secret, now)
  for (const { body, headers } of requests) {
    const rawBody = Buffer.from(body)
    if (!(await provider.verify(rawBody, headers, secrets))) {
      throw new Problem(
        409,
        'an event signed with the first of the secrets is not accepted: is it a secret of this provider?',
      )
    }
    await inbox.append(provider.parse(rawBody, now, headers))
  }
  return emailId
}

function testRequests(entry: ProviderEntry, secret: string, now: number): [emailId: string, SignedRequest[]] {
  const dialect = dialectOf(entry)
  const id = dialect.emailIdOf(`test_${randomBytes(6).toString('hex')}`)
  const [email] = toldBy(entry, [plannedEmail(id)]) as [PlannedEmail]
  const at = new Date(now)
  return [id, email.events.map((event) => entry.sign(dialect.bodyOf([{ ...event, at }], email), secret, now))]
}

const plannedEmail = (id: string): PlannedEmail => ({
  id,
  fate: {
    ends: 'settled',
    softBounces: 0,
    isDelivered: true,
    engages: false,
    isCritical: false,
    recipients: 1,
    namesRecipient: true,
    isRefusedAtOnce: false,
  },
  to: ['test@example.com'],
  subject: 'A test from Setup',
  tags: ['test'],
  startsAfterMs: 0,
  registration: null,
  events: (['sent', 'delivered'] as const).map(
    (type): PlannedEvent => ({
      id: `evt_${id}_${type}`,
      type,
      occursAfterMs: 0,
      postsAfterMs: [0],
      recipient: null,
      bounce: null,
      engagement: null,
    }),
  ),
})
