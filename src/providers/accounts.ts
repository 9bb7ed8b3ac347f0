/** Whose webhooks are taken, as the environment says it. */
import { providers } from './registry.ts'

export interface WebhookSecrets {
  /** By what stands after `/webhooks/`: `resend`, or `resend/eu` for a further account. Never an empty list. */
  readonly secrets: ReadonlyMap<string, readonly string[]>
  /** What is wrong, a sentence for each variable, without its value. */
  readonly mistakes: readonly string[]
}

const accountForm = /^[A-Z0-9]+(_[A-Z0-9]+)*$/

/**
 * The secrets of every provider and account: those of `RESEND_WEBHOOK_SECRET` for `/webhooks/resend`, those of
 * `RESEND_WEBHOOK_SECRET_EU_WEST` for `/webhooks/resend/eu-west`. Several in one variable have commas between; any may sign.
 */
export function readWebhookSecrets(env: Readonly<Record<string, string | undefined>>): WebhookSecrets {
  const secrets = new Map<string, readonly string[]>()
  const mistakes: string[] = []
  for (const { name, variable, accepts, wants } of providers) {
    for (const given of Object.keys(env).filter((key) => key === variable || key.startsWith(`${variable}_`))) {
      const entries = entriesOf(env[given] ?? '')
      if (entries.length === 0) continue
      const account = given.slice(variable.length + 1)
      if (account !== '' && !accountForm.test(account)) {
        mistakes.push(`${given} names its account badly: letters and digits, with single _ between`)
      } else if (entries.every(accepts)) {
        secrets.set(account === '' ? name : `${name}/${account.toLowerCase().replaceAll('_', '-')}`, entries)
      } else mistakes.push(`${given} wants ${wants}`)
    }
  }
  return { secrets, mistakes }
}

const entriesOf = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
