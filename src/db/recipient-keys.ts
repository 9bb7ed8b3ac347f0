/** The keys by which Temporal knows recipients: hashes with a secret of the database. The SQL function `recipient_key` gives the same. */
import { createHash } from 'node:crypto'
import type { ReceivedEvent } from '../domain/events.ts'
import type { RecipientKeys } from '../domain/received-event.ts'
import type { Database } from './database.ts'

/** Whom an event is about. */
type AddressedEvent = Pick<ReceivedEvent, 'provider' | 'emailId' | 'recipient' | 'to'>

const secrets = new WeakMap<Database, Promise<string>>()

/**
 * The keys of the recipients that events name. In this process, since the function takes 20 µs of PostgreSQL's time for each event, a
 * fifth of its insert; here it is 2. The secret never changes, and is read once.
 */
export async function readRecipientKeys(db: Database): Promise<(event: AddressedEvent) => RecipientKeys> {
  const secret = await secretOf(db)
  return (event) => {
    const { recipient, to } = event
    const named = recipient ?? (to.length === 1 ? to[0] : undefined)
    const keyOf = (address: string | undefined) => keyWith(secret, event, address)
    const isSentToOthers = to.length > 1 || (recipient !== null && to.length === 1 && to[0] !== recipient)
    return {
      recipient: keyOf(named),
      to: isSentToOthers ? to.map(keyOf).filter((key) => key !== null) : null,
    }
  }
}

function secretOf(db: Database): Promise<string> {
  let secret = secrets.get(db)
  if (!secret) {
    secret = readSecret(db)
    secrets.set(db, secret)
    secret.catch(() => secrets.delete(db))
  }
  return secret
}

async function readSecret(db: Database): Promise<string> {
  const { rows } = await db.pool.query<{ secret: string }>('SELECT secret FROM recipient_secret')
  const [row] = rows
  if (!row) throw new Error('the table recipient_secret has no row: restore it, since stored keys depend on it')
  return row.secret
}

/** @returns null for an address that was erased. */
function keyWith(secret: string, { provider, emailId }: AddressedEvent, address: string | undefined): string | null {
  if (!address?.includes('@')) return null
  return createHash('sha256').update([secret, provider, emailId, address].join('\n')).digest('hex').slice(0, 16)
}
