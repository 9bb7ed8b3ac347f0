/** Runs the same random statements on PostgreSQL and on its fake. */
import { createHash } from 'node:crypto'

import type { Database } from '../../src/db/database.ts'
import { readEscalations, readUndeliveredNotices, writeEscalation } from '../../src/db/escalations.ts'
import { type StoredEventKey, textOfKey } from '../../src/db/event-key.ts'
import { quarantineEvents, readUnappliedIds } from '../../src/db/events.ts'
import { suppressEventRecipient } from '../../src/db/recipients.ts'
import { registerEmail } from '../../src/db/registrations.ts'
import { saveSnapshot } from '../../src/db/snapshots.ts'
import { openEscalation, resolveEscalation, type UndeliveredNotice } from '../../src/domain/escalation.ts'
import { isEngagement, priorities, type ReceivedEvent, registrationEventType } from '../../src/domain/events.ts'
import { foldEvents } from '../../src/domain/lifecycle.ts'
import { registrationPayloadOf } from '../../src/domain/received-event.ts'
import { createEventStore, type EventStore, type Inserted, type RelayedEvent } from '../../src/inbox/event-store.ts'
import { FakeDatabase } from './fake-database.ts'
import {
  conflictWith,
  readEscalations as readFakeEscalations,
  readUndeliveredNotices as readFakeUndelivered,
  upsertEscalation,
} from './fake-escalations.ts'
import type { EventRow } from './fake-tables.ts'
import type { Random } from './random.ts'
import { fakeOverdue, fakeRows, realOverdue, realRows } from './same-rows.ts'
import { policy } from './world.ts'

const provider = 'aisend'
const people = ['ada@example.com', 'bob@example.net'] as const
const types = ['sent', 'sending', 'delivered', 'opened', 'opened', 'clicked', 'bounced', 'complained', 'other'] as const

export interface Answers {
  readonly name: string
  readonly real: unknown
  readonly fake: unknown
}

export class BothDatabases {
  readonly #db: Database
  readonly #store: EventStore
  readonly #fake: FakeDatabase
  readonly #random: Random
  /** Later for each event: equal times would leave the order open. */
  #receivedAt = Date.now() - 3_600_000
  #count = 0

  private constructor(db: Database, random: Random, secret: string) {
    this.#db = db
    this.#fake = new FakeDatabase(Date.now, (email, address) => {
      const named = [secret, email.provider, email.emailId, address].join('\n')
      return createHash('sha256').update(named).digest('hex').slice(0, 16)
    })
    this.#store = createEventStore(db)
    this.#random = random
  }

  static async emptied(db: Database, random: Random): Promise<BothDatabases> {
    await db.$transaction([db.event.deleteMany(), db.eventIdentity.deleteMany(), db.email.deleteMany()])
    await db.$transaction([db.suppression.deleteMany(), db.notification.deleteMany(), db.escalation.deleteMany()])
    await db.emailRecipient.deleteMany()
    const { secret } = await db.recipientSecret.findFirstOrThrow()
    return new BothDatabases(db, random, secret)
  }

  next(): Promise<Answers> {
    const statements = [
      () => this.#insert(),
      () => this.#insert(),
      () => this.#register(),
      () => this.#claim(),
      () => this.#advanceTime(),
      () => this.#keysOnly('release'),
      () => this.#keysOnly('defer'),
      () => this.#keysOnly('reject'),
      () => this.#applyEngagements(),
      () => this.#save(),
      () => this.#save(),
      () => this.#save(),
      () => this.#quarantine(),
      () => this.#suppress(),
      () => this.#escalate(),
      () => this.#notify(),
    ]
    return this.#random.pick(statements)()
  }

  async #insert(): Promise<Answers> {
    const random = this.#random
    const events = Array.from({ length: 1 + random.below(3) }, () => this.#event())
    const again = this.#someRows(1).map(({ rank: _, leaseUntil: __, attempts: ___, appliedAt: ____, ...row }) => {
      const { quarantinedReason: _____, ...event } = row
      return event
    })
    const given = [...events, ...again].sort((a, b) => (a.id < b.id ? -1 : 1))
    const [engagements, others] = [random.chance(0.5), random.chance(0.5)]
    const isClaimed = (event: ReceivedEvent) => (isEngagement(event) ? engagements : others)
    const answerOf = ({ stored, claimed }: Inserted) => ({
      stored: stored.map(({ id }) => id).sort(),
      claimed: byId(claimed),
    })
    return {
      name: 'insert',
      real: answerOf(await this.#store.insert(given, isClaimed)),
      fake: answerOf(this.#fake.insert(given, isClaimed)),
    }
  }

  #event(): ReceivedEvent {
    const random = this.#random
    const type = random.pick(types)
    this.#receivedAt += 1_000
    return {
      provider,
      emailId: `em_${random.below(4)}`,
      id: `evt_${String(this.#count++).padStart(4, '0')}`,
      type,
      occurredAt: Date.UTC(2026, 0, 1) + random.below(4) * 1_000,
      receivedAt: this.#receivedAt,
      to: random.chance(0.5) ? random.shuffled(people).slice(0, 1 + random.below(2)) : [],
      recipient: random.chance(0.5) ? random.pick(people) : null,
      subject: null,
      bounce:
        type === 'bounced'
          ? { class: random.pick(['hard', 'soft']), code: random.pick(['5.1.1', '5.7.26']), message: null }
          : null,
      human: random.chance(0.5),
      payload: '{}',
      ...(random.chance(0.05) && { quarantinedReason: 'unreadable' }),
    }
  }

  async #register(): Promise<Answers> {
    const random = this.#random
    const priority = random.pick([...priorities, null])
    const to = random.shuffled(people).slice(0, 1 + random.below(2))
    const payload = registrationPayloadOf({ as: 'sent', priority })
    const { emailId, id } = this.#event()
    const at = this.#receivedAt - random.below(5) * 1_000 - 1
    const blank = { subject: null, bounce: null, human: false, recipient: null }
    const event = {
      ...blank,
      provider,
      emailId,
      id,
      type: registrationEventType,
      occurredAt: at,
      receivedAt: at,
      to,
      payload,
    }
    const registration = { provider, emailId, to, subject: null, tags: null, priority, as: 'sent' as const }
    const isClaimed = random.chance(0.5)
    const real = await registerEmail(this.#db, registration, event, isClaimed)
    const fake = this.#fake.register(event, priority, isClaimed)
    return { name: 'register', real: { priority: real.priority }, fake: { priority: fake.priority } }
  }

  async #claim(): Promise<Answers> {
    const limits = { window: 1 + this.#random.below(12), emails: 1 + this.#random.below(6) }
    const sorted = ({ events, ...rest }: { events: readonly RelayedEvent[] }) => ({ ...rest, events: byId(events) })
    return {
      name: `claim ${limits.window} ${limits.emails}`,
      real: sorted(await this.#store.claim(limits)),
      fake: sorted(this.#fake.claim(limits)),
    }
  }

  async #advanceTime(): Promise<Answers> {
    const ms = this.#random.pick([20_000, 31_000, 100_000])
    await this.#db.$executeRaw`UPDATE events SET lease_until = lease_until - ${ms} * interval '1 ms'`
    const { events } = this.#fake.tables
    for (const [key, row] of events)
      if (row.leaseUntil !== null) events.set(key, { ...row, leaseUntil: row.leaseUntil - ms })
    return { name: `${ms} ms pass`, real: null, fake: null }
  }

  async #keysOnly(statement: 'release' | 'defer' | 'reject'): Promise<Answers> {
    const keys = this.#someRows(3).map(keyOf)
    if (keys.length === 0) return { name: 'nothing', real: null, fake: null }
    if (statement === 'release') {
      await this.#store.release(keys)
      this.#fake.release(keys)
    } else if (statement === 'defer') {
      await this.#store.defer(keys, 45_000)
      this.#fake.defer(keys, 45_000)
    } else {
      await this.#store.reject(keys, 'refused')
      this.#fake.reject(keys, 'refused')
    }
    return { name: statement, real: null, fake: null }
  }

  async #applyEngagements(): Promise<Answers> {
    const keys = this.#someRows(6).map(keyOf)
    if (keys.length === 0) return { name: 'nothing', real: null, fake: null }
    const before = new Map([...this.#fake.tables.emails].map(([key, row]) => [key, row.revision]))
    const real = (await this.#store.applyEngagements(keys)).map(textOfKey).sort()
    const fake = this.#fake.applyEngagements(keys).map(textOfKey).sort()
    await this.#copyRevisions(before)
    return { name: 'applyEngagements', real, fake }
  }

  /** PostgreSQL chooses them at random: the fake continues with its choice. */
  async #copyRevisions(before: ReadonlyMap<string, number>): Promise<void> {
    const { emails } = this.#fake.tables
    const drawn = new Map((await this.#db.email.findMany()).map(({ id, revision }) => [id, revision]))
    for (const [key, row] of emails) {
      const revision = drawn.get(row.emailId) ?? 0
      const step = revision - (before.get(key) ?? 0)
      if (row.revision !== before.get(key) && step >= 1_000 && step < 2_000) emails.set(key, { ...row, revision })
    }
  }

  /** A save as a workflow's: nearly always with the stored revision, and of pending events. */
  async #save(): Promise<Answers> {
    const random = this.#random
    const [first] = this.#someRows(1)
    if (!first) return { name: 'nothing', real: null, fake: null }
    const email = { provider, emailId: first.emailId }
    const others = this.#someRows(4).filter((row) => row.emailId === first.emailId && row.id !== first.id)
    const rows = [first, ...others].filter((row) => row.appliedAt === null || random.chance(0.1))
    if (rows.length === 0) return { name: 'nothing', real: null, fake: null }
    const stored = this.#fake.readEmail(email)
    const save = {
      ...email,
      snapshot: foldEvents(
        stored.snapshot,
        rows.map((event) => this.#fake.eventOf(event)),
      ),
      expectedRevision: stored.revision + (random.chance(0.1) ? 1 : 0),
      eventIds: rows.map(({ id }) => id),
    }
    return { name: 'save', real: await saveSnapshot(this.#db, save), fake: this.#fake.saveSnapshot(save) }
  }

  async #quarantine(): Promise<Answers> {
    const ids = this.#someRows(1).map(({ id }) => id)
    await quarantineEvents(this.#db, provider, ids, 'cannot be stored')
    this.#fake.quarantine(provider, ids, 'cannot be stored')
    const real = (await readUnappliedIds(this.#db, provider, ids)).sort()
    return { name: 'quarantine', real, fake: this.#fake.readUnappliedIds(provider, ids).sort() }
  }

  async #suppress(): Promise<Answers> {
    const [event] = this.#someRows(1)
    if (!event) return { name: 'nothing', real: null, fake: null }
    const { id: eventId } = event
    const real = await suppressEventRecipient(this.#db, { provider, eventId, reason: 'hard_bounce' })
    return { name: 'suppress', real, fake: this.#fake.suppressEventRecipient(provider, eventId, 'hard_bounce') }
  }

  async #escalate(): Promise<Answers> {
    const email = { provider, emailId: `em_${this.#random.below(4)}` }
    const first = openEscalation('stalled', 'silence', this.#receivedAt, policy)
    const opened = { ...first, notices: 1 + this.#random.below(2) }
    const version = this.#random.pick([undefined, 0, 0, 1, 2])
    const escalation = {
      ...(this.#random.chance(0.5) ? opened : resolveEscalation(opened, 'ada', this.#receivedAt)),
      version,
    }
    const written = upsertEscalation(this.#fake, email, escalation)
    const real = [await writeEscalation(this.#db, email, escalation), await readEscalations(this.#db, email)]
    const conflict =
      written === null ? conflictWith(this.#fake, email, escalation) : { version: written, conflict: null }
    return { name: 'escalate', real, fake: [conflict, readFakeEscalations(this.#fake, email)] }
  }

  async #notify(): Promise<Answers> {
    const { escalations, notifications } = this.#fake.tables
    if (escalations.size === 0) return { name: 'nothing', real: null, fake: null }
    const [escalationId, { emailId, escalation }] = this.#random.pick([...escalations])
    const notice = 1 + this.#random.below(escalation.notices)
    const channels = ['webhook', 'email']
    const channel = this.#random.pick(channels)
    await this.#db.notification.createMany({ data: [{ escalationId, notice, channel }], skipDuplicates: true })
    notifications.set(`${escalationId}.${notice}.${channel}`, true)
    const real = await readUndeliveredNotices(this.#db, { provider, emailId }, channels)
    const fake = readFakeUndelivered(this.#fake, { provider, emailId }, channels)
    // Their order is the plan's.
    return { name: 'notify', real: inOrder(real), fake: inOrder(fake) }
  }

  #someRows(atMost: number): EventRow[] {
    return this.#random.shuffled([...this.#fake.tables.events.values()]).slice(0, atMost)
  }

  /** The comparable rows of both. */
  rows = async (): Promise<{ real: unknown; fake: unknown }> => ({
    real: [await realRows(this.#db), await realOverdue(this.#db)],
    fake: [fakeRows(this.#fake), fakeOverdue(this.#fake)],
  })
}

const keyOf = ({ provider: of, id, receivedAt }: EventRow): StoredEventKey => ({ provider: of, id, receivedAt })
/** Without the domain, which is for the Web UI only. */
const byId = (events: readonly RelayedEvent[]) =>
  events.map(({ recipientDomain: _, ...event }) => event).sort((a, b) => (a.event.id < b.event.id ? -1 : 1))

const inOrder = (notices: readonly UndeliveredNotice[]): UndeliveredNotice[] =>
  notices.toSorted((a, b) => `${a.reason} ${a.channel}`.localeCompare(`${b.reason} ${b.channel}`))
