/** Adapters for tests: with a memory of tokens instead of a database, and no network. */
import type { ReceivedEvent } from '../../src/domain/events.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { type AdapterDependencies, providerNamed } from '../../src/providers/registry.ts'

/** Remembers tokens as the database does. */
export function tokensInMemory(): AdapterDependencies['tokens'] {
  const events = new Map<string, string>()
  return {
    async claim(provider, token, event) {
      const kept = events.get(`${provider}\n${token}`) ?? event
      events.set(`${provider}\n${token}`, kept)
      return kept === event
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

/** When tests receive what they parse. */
export const receivedAt = Date.UTC(2026, 10, 25, 12)

/** The events that a provider's JSON holds. */
export const parsed = (provider: Provider, body: unknown): ReceivedEvent[] =>
  provider.parse(Buffer.from(JSON.stringify(body)), receivedAt, {})

/** The one event that a provider's JSON holds. */
export function parsedOne(provider: Provider, body: unknown): ReceivedEvent {
  const [event, ...others] = parsed(provider, body)
  if (!event || others.length > 0) throw new Error(`${others.length + (event ? 1 : 0)} events`)
  return event
}

/** What of an event its table of expectations tells: type, recipient, class and code of a bounce, whether a person did it. */
export const told = ({ type, recipient, bounce, human }: ReceivedEvent) => ({
  type,
  recipient,
  ...(bounce && { bounce: `${bounce.class} ${bounce.code}` }),
  ...((type === 'opened' || type === 'clicked') && { human }),
})
