/** The search on the list of emails. */

import { emailId, externalId, queriedMetadata } from '../api/email-input.ts'
import { findEmailsBySubject } from '../db/dashboard-read.ts'
import type { Database } from '../db/database.ts'
import { type EmailFilter, type EmailPosition, findEmail, listEmails } from '../db/emails-read.ts'
import type { Email } from '../db/generated/client.ts'
import { normalizeAddress } from '../domain/address.ts'

export interface EmailSearch {
  readonly q: string
  readonly filter: Pick<EmailFilter, 'status' | 'priority' | 'tag' | 'reason'>
  readonly after: EmailPosition | null
  readonly limit: number
}

/**
 * By address if `q` contains an @, by a pair of metadata if it is `key=value`, else by both kinds of ID and by words of the subject.
 * @returns up to `limit` emails, and those with the ID.
 */
export async function searchEmails(db: Database, { q, filter, after, limit }: EmailSearch): Promise<Email[]> {
  if (q === '') return listEmails(db, filter, after, limit)
  if (q.includes('@')) {
    const recipient = normalizeAddress(q)
    return recipient === null ? [] : listEmails(db, { ...filter, recipient }, after, limit)
  }
  const metadata = pairIn(q)
  if (metadata) return listEmails(db, { ...filter, metadata }, after, limit)
  const words = q.match(/[\p{L}\p{N}]+/gu) ?? []
  const [byId, bySubject] = await Promise.all([
    after === null ? findByIds(db, q, limit) : [],
    words.length === 0 ? [] : findEmailsBySubject(db, words, filter, after, limit),
  ])
  const found = new Set(byId.map(keyOf))
  return [...byId, ...bySubject.filter((email) => !found.has(keyOf(email)))]
}

/** How a pair is searched. */
export const searchOfPair = (key: string, value: string): string => `${key}=${value}`

function pairIn(q: string): Readonly<Record<string, string>> | null {
  const at = q.indexOf('=')
  const parsed = at > 0 ? queriedMetadata.safeParse({ [q.slice(0, at)]: q.slice(at + 1) }) : null
  return parsed?.data ?? null
}

/** The email with the provider's ID, and those with the application's own. */
async function findByIds(db: Database, q: string, limit: number): Promise<Email[]> {
  const [email, own] = await Promise.all([
    emailId.safeParse(q).success ? findEmail(db, q, undefined) : null,
    externalId.safeParse(q).success ? listEmails(db, { externalId: q }, null, limit) : [],
  ])
  return email ? [email, ...own.filter((other) => keyOf(other) !== keyOf(email))] : own
}

const keyOf = ({ provider, id }: Email): string => JSON.stringify([provider, id])
