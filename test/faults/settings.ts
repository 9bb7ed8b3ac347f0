import { apiKey, webhookSecret } from '../api/served.ts'

export interface Servers {
  readonly databaseUrl: string
  readonly temporalAddress: string
}

/** The environment of a system that embeds nothing, with the secrets that tests sign and call with. */
export const settingsOf = (role: 'all' | 'api' | 'worker', { databaseUrl, temporalAddress }: Servers) => ({
  ROLE: role,
  DATABASE_URL: databaseUrl,
  TEMPORAL_ADDRESS: temporalAddress,
  AISEND_WEBHOOK_SECRET: webhookSecret,
  API_KEYS: apiKey,
  ERASURE_KEY: 'erasure-key-of-the-tests-0001-long-enough',
})
