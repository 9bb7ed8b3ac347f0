/** Adapters for tests: with a memory of tokens instead of a database, and no network. */
import type { Provider } from '../../src/providers/provider.ts'
import { type AdapterDependencies, providerNamed } from '../../src/providers/registry.ts'

/** Remembers tokens as the database does. */
export function tokensInMemory(): AdapterDependencies['tokens'] {
  const bodies = new Map<string, string>()
  return {
    async claim(provider, token, bodyHash) {
      const kept = bodies.get(`${provider}\n${token}`) ?? bodyHash
      bodies.set(`${provider}\n${token}`, kept)
      return kept === bodyHash
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
