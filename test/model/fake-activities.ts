/** The activities, with the same statements as in `src/activities`, each of which is a call over the network. */
import { ApplicationFailure } from '@temporalio/common'
import type { LifecycleActivities, LoadedEmailState } from '../../src/activities/lifecycle-activities.ts'
import { escalationIdOf } from '../../src/db/escalations.ts'
import { textOfKey } from '../../src/db/event-key.ts'
import type { EmailKey, ReceivedEvent } from '../../src/domain/events.ts'
import type { FakeDatabase } from './fake-database.ts'
import { conflictWith, readEscalations, readUndeliveredNotices, upsertEscalation } from './fake-escalations.ts'
import type { Network } from './network.ts'
import type { Process } from './scheduler.ts'

/** A notice channel. A notice may arrive more than once, always with the same ID. */
export interface FakeChannel {
  readonly name: string
  isDown: boolean
  /** IDs of accepted notices. */
  readonly taken: string[]
}

export interface ActivityWorld {
  readonly database: FakeDatabase
  /** Between workers and PostgreSQL. */
  readonly network: Network
  /** Between workers and external services: the channels and the provider. */
  readonly outside: Network
  readonly channels: readonly FakeChannel[]
  /** The events that the provider returns when it is asked about an email. */
  readonly providerEvents: (email: EmailKey) => readonly ReceivedEvent[]
  /** Called when the provider's events are stored. */
  readonly onStored: (events: readonly ReceivedEvent[]) => void
}

/** After this the caller gives up, although PostgreSQL may still execute the statement. */
const statementTimeoutMs = 5_000
const channelTimeoutMs = 10_000

export function createFakeActivities(world: ActivityWorld, process: Process): LifecycleActivities {
  const { database, network, outside, channels } = world
  const sql = <T>(statement: () => T): Promise<T> => network.call(process, statementTimeoutMs, statement)
  const readEmailState = async (email: EmailKey): Promise<LoadedEmailState> => {
    const [stored, escalations, undelivered] = await Promise.all([
      sql(() => database.readEmail(email)),
      sql(() => readEscalations(database, email)),
      sql(() =>
        readUndeliveredNotices(
          database,
          email,
          channels.map(({ name }) => name),
        ),
      ),
    ])
    return { ...stored, escalations, undelivered }
  }
  return {
    async saveSnapshot({ change, ...save }) {
      if (await sql(() => database.saveSnapshot(save))) return { outcome: 'saved', change }
      const [stored, unapplied] = await Promise.all([
        readEmailState(save),
        sql(() => database.readUnappliedIds(save.provider, save.eventIds)),
      ])
      return { outcome: 'stale', life: stored, appliedEventIds: save.eventIds.filter((id) => !unapplied.includes(id)) }
    },
    async loadLife({ eventIds, ...email }) {
      if (!eventIds) return readEmailState(email)
      const [stored, unappliedEventIds] = await Promise.all([
        readEmailState(email),
        sql(() => database.readUnappliedIds(email.provider, eventIds)),
      ])
      return { ...stored, unappliedEventIds }
    },
    quarantineEvents: ({ provider, eventIds, reason }) => sql(() => database.quarantine(provider, eventIds, reason)),
    countSoftBounce: async () => null,
    suppressRecipient: ({ provider, eventId, reason }) =>
      sql(() => database.suppressEventRecipient(provider, eventId, reason)),
    async askProvider(email) {
      const events = await outside.call(process, channelTimeoutMs, () => world.providerEvents(email))
      await sql(() => database.insert(events, () => true))
      world.onStored(events)
      const stored = await sql(() => events.map((event) => database.tables.events.get(textOfKey(event)) ?? event))
      return { note: 'The provider was asked.', events: stored.map((event) => database.eventOf(event)) }
    },
    async recordEscalation({ provider, emailId, escalation }) {
      const email = { provider, emailId }
      const names = channels.map(({ name }) => name)
      const written = await sql(() => upsertEscalation(database, email, escalation))
      if (written !== null) return { channels: names, version: written }
      const { version, conflict } = await sql(() => conflictWith(database, email, escalation))
      return { channels: names, version, ...(conflict && { conflict }) }
    },
    async tellSupport({ provider, emailId, reason, notice, channel: name }) {
      const channel = channels.find((candidate) => candidate.name === name)
      if (!channel) return 'not_configured'
      const id = escalationIdOf({ provider, emailId }, reason)
      const key = `${id}.${notice}.${name}`
      const isSent = await sql(() => {
        if (!database.tables.escalations.has(id))
          throw ApplicationFailure.retryable('no such escalation', 'NoticeUnreadable')
        return database.tables.notifications.has(key)
      })
      if (isSent) return 'told_before'
      await outside.call(process, channelTimeoutMs, () => send(channel, `${id}.${notice}`))
      await sql(() =>
        database.tables.commit('notify', [], () => database.tables.set(database.tables.notifications, key, true)),
      )
      return 'told'
    },
  }
}

function send(channel: FakeChannel, noticeId: string): void {
  if (channel.isDown) throw ApplicationFailure.retryable('the channel did not accept the notice', 'ChannelUnavailable')
  channel.taken.push(noticeId)
}
