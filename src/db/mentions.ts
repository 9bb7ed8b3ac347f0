/** Statements that erase a person from all events that mention the address: the person was in Cc or Bcc, or a server's reply names it. */
import { erasedAddress, spellingsOf } from '../domain/address.ts'
import { registrationEventType } from '../domain/events.ts'
import { addressesMentioned } from '../domain/mentioned-addresses.ts'
import type { Database } from './database.ts'
import { iso } from './epoch-ms.ts'
import { Prisma } from './generated/client.ts'

/** Where a search goes on. */
export interface MentionSearch {
  /** Events received until then have been searched; null for none. */
  readonly after: Date | null
  /** Only events received before it are erased. Default: all. */
  readonly before?: Date | undefined
  /** The number of events of each state to search. */
  readonly limit: number
}

export interface SearchedMentions {
  /** The number of erased events. */
  readonly events: number
  /** For the next call; null when all events have been searched. */
  readonly through: Date | null
  /** When the oldest pending event was received that will be erased when it is applied; null if there is none. */
  readonly pendingSince: Date | null
}

/** An event with its text. */
export interface EventText {
  readonly provider: string
  readonly event_id: string
  readonly received_at: Date
  readonly is_pending: boolean
  readonly text: string
}

/**
 * Searches the next events for `address` (normalized), whatever its spelling and escapes, in their order of receipt, and erases it. A
 * search and no index, since an index over all payloads would cost every event, and erasures are rare. 200,000 events of 0.9 KB take
 * 5 s on two cores that others use too, and 7 to 11 s if each has escapes: 25 to 50 ms for 1,000, at most 0.16 s.
 * Indexes: events_applied, events_pending, events_quarantined, events_pkey, emails_pkey.
 */
export async function eraseNextMentions(
  db: Database,
  address: string,
  search: MentionSearch,
): Promise<SearchedMentions> {
  const through = await nextStop(db, search)
  const pattern = patternOf(address)
  // Also events that name a longer address.
  const candidates = await readEventTexts(db, search.after, through, {
    text: eventText,
    condition: Prisma.sql`${eventText} ~* ${pattern.fast} AND ${eventText} ~* ${pattern.exact}`,
  })
  const mentions = candidates.filter(
    ({ received_at, text }) =>
      !(search.before && received_at >= search.before) && addressesMentioned(text).has(address),
  )
  const isOver = through === null || (search.before !== undefined && through >= search.before)
  const pending = mentions.filter(({ is_pending }) => is_pending).map(({ received_at }) => received_at.getTime())
  return {
    events: await eraseMentions(db, pattern, spellingsOf(address), mentions),
    through: isOver ? null : through,
    pendingSince: pending.length === 0 ? null : new Date(Math.min(...pending)),
  }
}

const states = {
  applied: Prisma.sql`applied_at IS NOT NULL`,
  pending: Prisma.sql`applied_at IS NULL AND quarantined_reason IS NULL`,
  quarantined: Prisma.sql`quarantined_reason IS NOT NULL AND applied_at IS NULL`,
}

const receivedAfter = (after: Date | null): Prisma.Sql =>
  Prisma.sql`received_at > ${after === null ? '-infinity' : iso(after)}::timestamptz`

/** A time, and not a number of rows: many events may have the same. @returns null if no more than `limit` are left. */
export async function nextStop(
  db: Database,
  { after, limit }: Pick<MentionSearch, 'after' | 'limit'>,
): Promise<Date | null> {
  const stops = Object.values(states).map(
    (state) => Prisma.sql`(
      SELECT received_at FROM events WHERE ${state} AND ${receivedAfter(after)}
      ORDER BY received_at OFFSET ${limit - 1} LIMIT 1)`,
  )
  const [row] = await db.$queryRaw<{ stop: Date | null }[]>`SELECT least(${Prisma.join(stops)}) AS stop`
  return row?.stop ?? null
}

/** The texts of events that were received after `after` and not after `through`; of all later ones if it is null. */
export function readEventTexts(
  db: Database,
  after: Date | null,
  through: Date | null,
  { text, condition }: { readonly text: Prisma.Sql; readonly condition: Prisma.Sql },
): Promise<EventText[]> {
  const found = Object.values(states).map(
    (state) => Prisma.sql`
      SELECT provider, event_id, received_at, applied_at IS NULL AND quarantined_reason IS NULL AS is_pending, ${text} AS text
      FROM events
      WHERE ${state} AND ${receivedAfter(after)} AND received_at <= ${through === null ? 'infinity' : iso(through)}::timestamptz
        AND ${condition}`,
  )
  return db.$queryRaw<EventText[]>(Prisma.join(found, ' UNION ALL '))
}

/** All of an event that may name an address. */
export const eventText = Prisma.sql`
  concat_ws(E'\n', payload::text, subject, bounce_message, response, recipient, array_to_string("to", E'\n'),
    external_id, metadata::text)`

/** Erases texts that name the address. Marks the emails, for pending and later events: an event is not erased before it is applied. */
async function eraseMentions(
  db: Database,
  { exact }: Pattern,
  spellings: readonly string[],
  mentions: readonly EventText[],
): Promise<number> {
  const pending = chosenOf(mentions.filter(({ is_pending }) => is_pending))
  const others = chosenOf(mentions.filter(({ is_pending }) => !is_pending))
  const without = (column: string) =>
    Prisma.sql`CASE WHEN ${Prisma.raw(column)} ~* ${exact} THEN NULL ELSE ${Prisma.raw(column)} END`
  const ids = (column: string) => Prisma.sql`${Prisma.raw(column)} = ${without(column)}`
  const pairs = (column: string) => Prisma.sql`${Prisma.raw(column)} = (
    SELECT jsonb_object_agg(key, value) FROM jsonb_each_text(${Prisma.raw(column)}) WHERE key || ' ' || value !~* ${exact})`
  const to = spellings.reduce(
    (list, address) => Prisma.sql`array_replace(${list}, ${address}, ${erasedAddress})`,
    Prisma.sql`"to"`,
  )
  if (mentions.length === 0) return 0
  const [, , erased] = await db.$transaction([
    db.$executeRaw`
      INSERT INTO emails AS existing (id, provider, "to", recipients, recipient_domain, first_received_at, erased_at)
      SELECT DISTINCT ON (email_id, events.provider) email_id, events.provider, ${to}, ${to},
             nullif(split_part("to"[1], '@', 2), ''), events.received_at, now()
      FROM events, ${pending}
      ORDER BY email_id, events.provider, cardinality("to") DESC
      ON CONFLICT (id, provider) DO UPDATE SET erased_at = coalesce(existing.erased_at, now())`,
    db.$executeRaw`
      UPDATE emails SET erased_at = coalesce(erased_at, now()), subject = ${without('subject')},
        ${Prisma.join([ids('external_id'), ids('registered_external_id'), pairs('metadata'), pairs('registered_metadata')])}
      FROM (SELECT DISTINCT email_id, events.provider FROM events, ${others}) AS email
      WHERE emails.id = email.email_id AND emails.provider = email.provider`,
    db.$executeRaw`
      UPDATE events SET payload = CASE WHEN type = ${registrationEventType} THEN payload END, "to" = ${to},
        recipient = ${without('recipient')}, subject = ${without('subject')}, bounce_message = ${without('bounce_message')},
        response = ${without('response')}, ${ids('external_id')}, ${pairs('metadata')}
      FROM ${others}`,
  ])
  return erased
}

/** To be joined with events. */
const chosenOf = (some: readonly EventText[]): Prisma.Sql => Prisma.sql`
  unnest(${some.map(({ provider }) => provider)}::text[], ${some.map(({ event_id }) => event_id)}::text[],
    ${some.map(({ received_at }) => iso(received_at))}::timestamptz[]) AS chosen (provider, event_id, received_at)
  WHERE events.provider = chosen.provider AND events.event_id = chosen.event_id AND events.received_at = chosen.received_at`

/** Regular expressions of PostgreSQL, without regard to case. */
interface Pattern {
  /** Any escape of JSON, or the address without escapes: four times as fast. */
  readonly fast: string
  /** Both find the address also within a longer one: a test of its limits would take fifty times as long. */
  readonly exact: string
}

function patternOf(address: string): Pattern {
  const spellings = spellingsOf(address)
  const either = (patternOfCharacter: (character: string) => string): string =>
    spellings.map((spelling) => [...spelling].map(patternOfCharacter).join('')).join('|')
  return { fast: `\\\\u[0-9a-f]{4}|${either(plainPattern)}`, exact: either(escapedPattern) }
}

/** Outside of ASCII, the case of letters depends on the database's locale. */
const casesOf = (character: string): string[] => [...new Set([character, character.toUpperCase()])]

function plainPattern(character: string): string {
  if (/[a-z0-9]/.test(character)) return character
  if (/[._-]/.test(character)) return `\\${character}`
  if (character > '\u007f') return `(?:${casesOf(character).join('|')})`
  const percent = `%${character.charCodeAt(0).toString(16)}`
  return `(?:${/["/]/.test(character) ? '\\\\*' : ''}\\${character}|${percent})`
}

const escapedPattern = (character: string): string =>
  `(?:${[plainPattern(character), ...casesOf(character).map(escapesOf)].join('|')})`

const escapesOf = (text: string): string =>
  text
    .split('')
    .map((unit) => `\\\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
