/** Adapters for tests: tokens in memory, and no network. */
import type { ReceivedEvent } from '../../src/domain/events.ts'
import { judgeBounce } from '../../src/domain/judge-bounce.ts'
import { eventIdOf } from '../../src/providers/event-builder.ts'
import type { AdapterDependencies, Provider } from '../../src/providers/provider.ts'
import { providerNamed } from '../../src/providers/registry.ts'

/** Records tokens as the database does. */
export function tokensInMemory(): AdapterDependencies['tokens'] {
  const events = new Map<string, string>()
  return {
    async claim(provider, token, event) {
      const recorded = events.get(`${provider}\n${token}`) ?? event
      events.set(`${provider}\n${token}`, recorded)
      return recorded === event
    },
  }
}

const noNetwork: typeof fetch = () => Promise.reject(new Error('no network in tests'))

/** The adapter of that name. */
export function adapterOf(name: string, dependencies: Partial<AdapterDependencies> = {}): Provider {
  const entry = providerNamed(name)
  if (!entry) throw new Error(`there is no provider ${name}`)
  return entry.create({ clock: Date.now, fetch: noNetwork, tokens: tokensInMemory(), ...dependencies })
}

/** The time of receipt in tests. */
export const receivedAt = Date.UTC(2026, 10, 25, 12)

/** The events in a provider's JSON. */
export const parsed = (provider: Provider, body: unknown): ReceivedEvent[] =>
  provider.parse(Buffer.from(JSON.stringify(body)), receivedAt, {})

/** The events in the JSON of SES, which SNS wraps; unsigned. */
export const parsedBySns = (ses: Provider, event: unknown): ReceivedEvent[] =>
  parsed(ses, {
    ...{
      Type: 'Notification',
      MessageId: eventIdOf(event),
      TopicArn: 'a',
      Message: JSON.stringify(event),
      Timestamp: 't',
    },
    ...{ SignatureVersion: '1', Signature: 's', SigningCertURL: 'u' },
  })

/** The only event in a provider's JSON. */
export function parsedOne(provider: Provider, body: unknown): ReceivedEvent {
  const [event, ...others] = parsed(provider, body)
  if (!event || others.length > 0) throw new Error(`${others.length + (event ? 1 : 0)} events`)
  return event
}

/** What tests compare: type, recipient, class, code and outcome of a bounce, and whether a person opened or clicked. */
export const outcomeOf = ({ type, recipient, bounce, human }: ReceivedEvent) => ({
  type,
  recipient,
  ...(bounce && { bounce: `${bounce.class} ${bounce.code} ${judgeBounce(bounce).outcome}` }),
  ...((type === 'opened' || type === 'clicked') && { human }),
})
