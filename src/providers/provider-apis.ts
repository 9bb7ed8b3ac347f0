/** The providers whose API is known and may be used. */
import type { Config } from '../config.ts'
import { aisend } from './aisend.ts'
import { createAisendApi } from './aisend-api.ts'
import type { ProviderApi } from './provider.ts'
import { createResendApi } from './resend-api.ts'

/** By the provider's name: those with a key. The first is the one that sends where a request names none. */
export function createProviderApis({ aisend: own, resend }: Config['providerApis']): ReadonlyMap<string, ProviderApi> {
  const apis = new Map<string, ProviderApi>()
  if (own.apiKey !== null) apis.set(aisend.name, createAisendApi({ ...own, apiKey: own.apiKey }))
  if (resend.apiKey !== null) apis.set('resend', createResendApi({ ...resend, apiKey: resend.apiKey }))
  return apis
}
