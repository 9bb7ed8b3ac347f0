/** Erases persons again after a backup from before their erasure was restored. Only the ledger of erasures says who they are: by a hash. */
import { normalizeAddress } from '../domain/address.ts'
import { addressesMentioned } from '../domain/mentioned-addresses.ts'
import type { Database } from './database.ts'
import { erasedKeyOf } from './erased-address.ts'
import { eraseStoredBefore } from './erasure.ts'
import { readErasures } from './erasures.ts'
import { Prisma } from './generated/client.ts'
import { eraseNextMentions, eventText, nextStop, readEventTexts } from './mentions.ts'

/** What was erased, and how many addresses and events were compared with the ledger. */
export interface ErasedAgain {
  readonly persons: number
  readonly emails: number
  readonly events: number
  readonly suppressions: number
  /** Pending events, which are erased when they are applied. */
  readonly pending: number
  readonly compared: { readonly addresses: number; readonly events: number }
}

export const nothingErased: ErasedAgain = {
  persons: 0,
  emails: 0,
  events: 0,
  suppressions: 0,
  pending: 0,
  compared: { addresses: 0, events: 0 },
}

/** Of several projects: a person of two counts twice. */
export const sumOfErased = (a: ErasedAgain, b: ErasedAgain): ErasedAgain => ({
  persons: a.persons + b.persons,
  emails: a.emails + b.emails,
  events: a.events + b.events,
  suppressions: a.suppressions + b.suppressions,
  pending: a.pending + b.pending,
  compared: {
    addresses: a.compared.addresses + b.compared.addresses,
    events: a.compared.events + b.compared.events,
  },
})

const pageSize = 5_000
/** Payloads may be large. */
const eventsPerPage = 1_000
const emailsPerTransaction = 500

/**
 * Compares the hash of every stored address with the ledger of the database's project, also of those within payloads, and erases what was stored before the
 * erasure. Later data stays: it belongs to a person who came back. Idempotent; if it is interrupted, it is to be started again.
 * Indexes: email_recipients_address_created_at_idx, suppressions_address_idx, and those of
 * {@link eraseStoredBefore} and {@link eraseNextMentions}.
 * @param report called with each page.
 */
export async function eraseAgain(db: Database, report: (progress: ErasedAgain) => void): Promise<ErasedAgain> {
  const ledger = await readLedger(db)
  const again = new Again(db, ledger)
  if (ledger.size === 0) return again.sum
  for (const read of [readRecipients, readSuppressed]) {
    for await (const addresses of pagesOf((after) => read(db, after))) {
      for (const address of addresses) await again.eraseStored(address)
      again.count({ addresses: addresses.length })
      report(again.sum)
    }
  }
  for (let after: Date | null = null; ; ) {
    const through: Date | null = await nextStop(db, { after, limit: eventsPerPage })
    const events = await readEventTexts(db, after, through, { text: eventText, condition: Prisma.sql`true` })
    for (const { text, received_at } of events) {
      for (const address of addressesMentioned(text)) await again.eraseMentioned(address, received_at)
    }
    again.count({ events: events.length })
    report(again.sum)
    if (through === null) return again.sum
    after = through
  }
}

/** By the keyed hash of the address. */
async function readLedger(db: Database): Promise<ReadonlyMap<string, Date>> {
  const ledger = new Map<string, Date>()
  for (let after = ''; ; ) {
    const page = await readErasures(db, db.project, after, pageSize)
    for (const { key, erasedAt } of page) ledger.set(key, erasedAt)
    const last = page.at(-1)
    if (!last) return ledger
    after = last.key
  }
}

class Again {
  readonly #db: Database
  readonly #ledger: ReadonlyMap<string, Date>
  /** Those of whom events of others were searched. */
  readonly #searched = new Set<string>()
  readonly #persons = new Set<string>()
  sum = nothingErased

  constructor(db: Database, ledger: ReadonlyMap<string, Date>) {
    this.#db = db
    this.#ledger = ledger
  }

  count({ addresses = 0, events = 0 }: Partial<ErasedAgain['compared']>): void {
    const { compared } = this.sum
    this.sum = {
      ...this.sum,
      compared: { addresses: compared.addresses + addresses, events: compared.events + events },
    }
  }

  /** @param stored as it is in the database: versions before 0.5 did not convert domains to ASCII. */
  async eraseStored(stored: string): Promise<void> {
    const address = normalizeAddress(stored) ?? stored
    const erasedAt = this.#erasedAt(address)
    if (erasedAt) await this.#eraseOwn(address, erasedAt)
  }

  /** @param receivedAt of the event that mentions the address. */
  async eraseMentioned(address: string, receivedAt: Date): Promise<void> {
    const erasedAt = this.#erasedAt(address)
    if (!erasedAt || receivedAt >= erasedAt || this.#searched.has(address)) return
    this.#searched.add(address)
    await this.#eraseOwn(address, erasedAt)
    for (let after: Date | null | undefined; after !== null; ) {
      const found = await eraseNextMentions(this.#db, address, {
        after: after ?? null,
        before: erasedAt,
        limit: pageSize,
      })
      this.#add(address, { events: found.events })
      after = found.through
    }
  }

  #erasedAt(address: string): Date | undefined {
    const key = erasedKeyOf(this.#db, address)
    return key === null ? undefined : this.#ledger.get(key)
  }

  async #eraseOwn(address: string, erasedAt: Date): Promise<void> {
    for (let isComplete = false; !isComplete; ) {
      const { isComplete: isLast, ...counts } = await eraseStoredBefore(
        this.#db,
        address,
        erasedAt,
        emailsPerTransaction,
      )
      this.#add(address, counts)
      isComplete = isLast
    }
  }

  #add(address: string, { emails = 0, events = 0, suppressions = 0, pending = 0 }: Partial<ErasedAgain>): void {
    if (emails + events + suppressions + pending > 0) this.#persons.add(address)
    this.sum = {
      ...this.sum,
      persons: this.#persons.size,
      emails: this.sum.emails + emails,
      events: this.sum.events + events,
      suppressions: this.sum.suppressions + suppressions,
      pending: this.sum.pending + pending,
    }
  }
}

async function* pagesOf(read: (after: string) => Promise<{ address: string }[]>) {
  for (let after = ''; ; ) {
    const page = (await read(after)).map(({ address }) => address)
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = last
  }
}

const readRecipients = (db: Database, after: string): Promise<{ address: string }[]> => db.$queryRaw`
  SELECT DISTINCT address FROM email_recipients WHERE address > ${after} ORDER BY address LIMIT ${pageSize}`

const readSuppressed = (db: Database, after: string): Promise<{ address: string }[]> => db.$queryRaw`
  SELECT DISTINCT address FROM suppressions WHERE address > ${after} ORDER BY address LIMIT ${pageSize}`
