import { apiKey, webhookSecret } from '../api/served.ts'

export interface Servers {
  readonly databaseUrl: string
  readonly temporalAddress: string
}

/** The environment of a system without embedded servers, with the secrets of the tests. */
export const settingsOf = (role: 'all' | 'api' | 'worker', { databaseUrl, temporalAddress }: Servers) => ({
  ROLE: role,
  DATABASE_URL: databaseUrl,
  TEMPORAL_ADDRESS: temporalAddress,
  AISEND_WEBHOOK_SECRET: webhookSecret,
  API_KEYS: apiKey,
  MAILBOX_PROVIDER_LOOKUP: 'off',
  ERASURE_KEY: 'erasure-key-of-the-tests-0001-long-enough',
})
