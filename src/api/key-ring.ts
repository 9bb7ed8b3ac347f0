/** The keys that open `/v1`: those of the environment, which may do everything, and the named ones in the database. */
import { noteApiKeyUse, readActiveApiKeys } from '../db/api-keys.ts'
import type { Database } from '../db/database.ts'
import type { ApiKey } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import type { Scope } from '../domain/access.ts'
import { digestOf, fixedKeys, type KeyCaller, type KeyRing } from '../http/api-key.ts'

/** A key that was revoked opens nothing after this. */
const validForMs = 5_000
/** A key that is not known is looked for this often at most, whoever presents how many. */
const lookAgainAfterMs = 1_000
const noteUseEveryMs = 60_000

interface KnownKey {
  readonly caller: KeyCaller
  noteUseAt: number
}

/** @param clock epoch milliseconds. */
export function createKeyRing(db: Database, environmentKeys: readonly string[], clock: () => number): KeyRing {
  const environment = fixedKeys(environmentKeys)
  let known = new Map<string, KnownKey>()
  let readAt = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | null = null

  const read = async () => {
    const startedAt = clock()
    const rows = await inTime(() => readActiveApiKeys(db))
    known = new Map(rows.map((row) => [row.digest, known.get(row.digest) ?? knownKeyOf(row, startedAt)]))
    readAt = startedAt
  }
  const refresh = (): Promise<void> => {
    reading ??= read().finally(() => {
      reading = null
    })
    return reading
  }

  const refreshIfOlderThan = async (ms: number) => {
    if (clock() - readAt >= ms) await refresh()
  }
  const withId = (keyId: string) => [...known.values()].find(({ caller }) => caller.keyId === keyId)

  return {
    async find(presented) {
      const operator = await environment.find(presented)
      if (operator) return operator
      // A map's time may tell how much of a digest is right, which says nothing about the key.
      const digest = digestOf(presented).toString('hex')
      await refreshIfOlderThan(known.has(digest) ? validForMs : lookAgainAfterMs)
      const found = known.get(digest)
      if (!found) return null
      if (clock() >= found.noteUseAt) {
        found.noteUseAt = clock() + noteUseEveryMs
        // Only for people: a request does not fail for it.
        noteApiKeyUse(db, found.caller.keyId).catch(() => {})
      }
      return found.caller
    },

    async findById(keyId) {
      const operator = await environment.findById(keyId)
      if (operator) return operator
      await refreshIfOlderThan(withId(keyId) ? validForMs : lookAgainAfterMs)
      return withId(keyId)?.caller ?? null
    },
  }
}

const knownKeyOf = ({ id, name, scopes, project }: ApiKey, now: number): KnownKey => ({
  // Written by createApiKey.
  caller: { name, scopes: scopes as Scope[], project, keyId: id },
  noteUseAt: now,
})
