/** Mutants of the system: faults of issue 14 put back, and servers that break a guarantee. The check must find each. */
import { textOfKey } from '../../src/db/event-key.ts'
import type { FakeDatabase } from './fake-database.ts'
import { emailKeyText } from './fake-tables.ts'
import type { World } from './world.ts'

export interface Mutant {
  /** Changes a world before it starts. */
  readonly mutate: (world: World) => void
  /** A violation that the check must report. */
  readonly finds: RegExp
  /** Whether it takes hundreds of schedules to find: only in the long form. */
  readonly isRare?: boolean
  /** The seed to begin with, where a schedule soon finds it; from seed 1 it would take hundreds. Default 1. */
  readonly firstSeed?: number
  /** Whether the schedules of incidents find it. */
  readonly isIncident?: boolean
}

/** Numbered as in the issue. */
export const reintroducedFaults: Readonly<Record<string, Mutant>> = {
  'fault 7: the search for lost workflows always finds the same emails': {
    mutate(world) {
      world.faultKinds = ['runIsLost', 'temporalLosesAll', 'runIsLost']
      world.readsAllPages = false
      world.maxEmails = 12
      world.slowShare = 0.75
    },
    finds: /is not escalated: stalled/,
    firstSeed: 50,
  },
  'fault 7: no search for critical emails that were never escalated': {
    mutate(world) {
      world.faultKinds = ['temporalLosesAll', 'temporalLosesAll', 'databaseAwayForWorkers']
      world.disabledSearches.add('urgent')
    },
    finds: /is not escalated: critical/,
    firstSeed: 250,
  },
  'fault 7: no search for undelivered notices': {
    mutate(world) {
      world.faultKinds = ['temporalLosesAll', 'channelDown']
      world.disabledSearches.add('undelivered')
    },
    finds: /was not sent by/,
  },
  'fault 10: a new episode of an incident joins the one whose notice is undelivered': {
    mutate: ({ disabledPatches }) => void disabledPatches.add('begins anew while a notice is undelivered'),
    finds: /no notice of the incident/,
    isIncident: true,
  },
  'fault 11: a run drops repeats of events whose save the database has lost': {
    mutate(world) {
      world.faultKinds = ['failover', 'failover', 'workerKilled']
      world.disabledPatches.add('asks what is stored of repeats').add('forgets what the database has lost')
    },
    finds: /is not applied/,
  },
  'fault 11: a save creates a row that a failover has lost': {
    mutate(world) {
      world.faultKinds = ['failover']
      const { database } = world
      const save = database.saveSnapshot.bind(database)
      database.saveSnapshot = (given) => {
        const isThere = database.tables.emails.has(emailKeyText(given))
        return save(isThere ? given : { ...given, expectedRevision: 0 })
      }
    },
    finds: /is not the fold of its applied events/,
  },
  'fault 11: an engagement takes the revision of a save that a failover has lost': {
    mutate(world) {
      world.faultKinds = ['failover']
      world.database.revisionStep = () => 1
    },
    finds: /is not the fold of its applied events/,
    firstSeed: 380,
  },
  'fault 12: an escalation is written over a newer state': {
    mutate(world) {
      world.faultKinds = ['runIsReset', 'runIsReset', 'personActs', 'personActsAgain']
      world.database.comparesVersions = false
    },
    finds: /was resolved by a person and is not any more/,
    firstSeed: 165,
  },
  // Found by the model check.
  'an unclear recipient is escalated after the save, and lost with the run': {
    isRare: true,
    mutate(world) {
      world.faultKinds = ['runIsLost', 'runIsLost', 'databaseAwayForWorkers']
      world.disabledPatches.add('opens what is unclear before it saves')
    },
    finds: /suppressed nobody/,
  },
  'a run that was reset does not send the notice of a newer stored state': {
    isRare: true,
    mutate(world) {
      world.faultKinds = ['runIsReset', 'runIsReset', 'channelDown']
      world.disabledPatches.add('sends what it takes over')
    },
    finds: /was not sent by/,
  },
}

/** Guarantees of PostgreSQL, Temporal and the channels, each broken once. */
export const brokenGuarantees: Readonly<Record<string, Mutant>> = {
  'a save applies events without marking them': {
    mutate: ({ database }) =>
      afterwards(database, 'saveSnapshot', (save, isSaved) => {
        for (const id of isSaved ? save.eventIds : []) unmark(database, { provider: save.provider, id })
      }),
    finds: /is not applied|is not the fold/,
  },
  'a save marks events without applying them': {
    mutate({ database }) {
      const save = database.saveSnapshot.bind(database)
      database.saveSnapshot = (given) => save({ ...given, snapshot: database.readEmail(given).snapshot })
    },
    finds: /is not the fold of its applied events/,
  },
  'a save does not compare the revision': {
    mutate({ database }) {
      const save = database.saveSnapshot.bind(database)
      database.saveSnapshot = (given) => save({ ...given, expectedRevision: database.readEmail(given).revision })
    },
    finds: /is not the fold of its applied events/,
  },
  'opens are counted without being marked applied': {
    mutate: ({ database }) =>
      afterwards(database, 'applyEngagements', (_, keys) => {
        for (const key of keys) unmark(database, key)
      }),
    finds: /is not the fold of its applied events/,
  },
  'an acknowledged event is not stored': {
    mutate({ database, random }) {
      const insert = database.insert.bind(database)
      database.insert = (events, isClaimed) => insert(random.chance(0.05) ? [] : events, isClaimed)
    },
    finds: /was acknowledged and is missing/,
  },
  'a claim finds no event whose lease has ended': {
    mutate: ({ database }) => {
      database.findsOverdue = false
    },
    finds: /is not applied/,
  },
  'a suppression is reported and not stored': {
    mutate({ database }) {
      const suppress = database.suppressEventRecipient.bind(database)
      database.suppressEventRecipient = (...given) => {
        const outcome = suppress(...given)
        database.tables.suppressions.clear()
        return outcome
      }
    },
    finds: /suppressed nobody/,
  },
  'a channel accepts a notice and drops it': {
    mutate({ channels: [channel] }) {
      if (channel) channel.taken.push = () => 0
    },
    finds: /was not sent by webhook/,
  },
  'Temporal loses the timers of a run': {
    mutate: ({ temporal }) => {
      temporal.firesTimers = false
    },
    finds: /is still open|another notice is to be sent/,
  },
}

function afterwards<Name extends 'saveSnapshot' | 'applyEngagements'>(
  database: FakeDatabase,
  name: Name,
  then: (given: Parameters<FakeDatabase[Name]>[0], answer: ReturnType<FakeDatabase[Name]>) => void,
): void {
  const statement = database[name].bind(database) as (given: unknown) => ReturnType<FakeDatabase[Name]>
  database[name] = ((given: Parameters<FakeDatabase[Name]>[0]) => {
    const answer = statement(given)
    then(given, answer)
    return answer
  }) as FakeDatabase[Name]
}

function unmark({ tables }: FakeDatabase, key: { readonly provider: string; readonly id: string }): void {
  const row = tables.events.get(textOfKey(key))
  if (row) tables.events.set(textOfKey(key), { ...row, appliedAt: null })
}
