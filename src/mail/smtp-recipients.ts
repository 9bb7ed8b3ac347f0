/** Whose mail is taken by SMTP or LMTP, and for which account. */
import type { MailAccount } from '../mail-settings.ts'

/**
 * The account that an address belongs to; null if its mail is not taken. An address that is listed has all of its extensions
 * (`bounce+anything@`, RFC 5233), and goes before its domain.
 * @param recipients addresses and domains in lower case.
 */
export function accountOf(recipients: ReadonlyMap<string, MailAccount>, address: string): MailAccount | null {
  const lower = address.toLowerCase()
  const at = lower.lastIndexOf('@')
  const domain = lower.slice(at + 1)
  const [user = ''] = lower.slice(0, at).split('+')
  return recipients.get(lower) ?? recipients.get(`${user}@${domain}`) ?? recipients.get(domain) ?? null
}

/** The addresses of a mail that belong to one account. */
export interface AccountRecipients extends MailAccount {
  readonly to: readonly string[]
}

/** The addresses by account, in the order of their first ones. Those whose mail is not taken are left out. */
export function byAccount(
  recipients: ReadonlyMap<string, MailAccount>,
  addresses: readonly string[],
): AccountRecipients[] {
  const groups = new Map<string | null, MailAccount & { to: string[] }>()
  for (const address of addresses) {
    const owner = accountOf(recipients, address)
    if (!owner) continue
    const group = groups.get(owner.account) ?? { ...owner, to: [] }
    group.to.push(address)
    groups.set(owner.account, group)
  }
  return [...groups.values()]
}
