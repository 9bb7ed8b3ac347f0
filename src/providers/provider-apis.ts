/** The providers whose API is known and may be used. */
import type { Config } from '../config.ts'
import { aisend } from './aisend.ts'
import { createAisendApi } from './aisend-api.ts'
import type { ProviderApi } from './provider.ts'
import { resend } from './resend.ts'
import { createResendApi } from './resend-api.ts'

/** By the provider's name: those with a key. The first is the one that sends where a request names none. */
export function createProviderApis(settings: Config['providerApis']): ReadonlyMap<string, ProviderApi> {
  const apis = new Map<string, ProviderApi>()
  for (const [name, create] of [
    [aisend.name, createAisendApi],
    [resend.name, createResendApi],
  ] as const) {
    const { apiKey, apiUrl } = settings[name as keyof typeof settings]
    if (apiKey !== null) apis.set(name, create({ apiKey, apiUrl }))
  }
  return apis
}
