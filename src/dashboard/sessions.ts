/** Sessions in the database. The browser has a random token, of which the database has the digest. */
import { randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import type { Database } from '../db/database.ts'
import type { Session as StoredSession } from '../db/generated/client.ts'
import { inTime } from '../db/request-deadline.ts'
import { createSession, findSessions, noteSessionUse, revokeSession } from '../db/sessions.ts'
import { type Caller, type Role, roles } from '../domain/access.ts'
import { isSessionOver, sessionLifetimeMs } from '../domain/session.ts'
import { digestOf, type KeyRing } from '../http/api-key.ts'
import { clientAddressOf } from '../http/client-address.ts'
import { readCookie, setCookie } from './cookies.ts'
import { groupedLookup } from './grouped-lookup.ts'

export interface Session extends Caller {
  /** Names the session, and opens nothing. */
  readonly id: string
}

/** How a person proved who they are: with a key, or at the OpenID provider, which gave them a role. */
type Identity =
  | { readonly keyId: string; readonly role: null; readonly project: string | null }
  | { readonly keyId: null; readonly role: Role; readonly project: null }

export interface Sessions {
  /** Starts a session under a new token. The one that the browser had ends. */
  start(ctx: Context, name: string, identity: Identity): Promise<void>
  /** The session of a request; null if there is none. */
  read(ctx: Context): Promise<Session | null>
  end(ctx: Context): Promise<void>
}

interface SessionsDependencies {
  readonly db: Database
  /** The keys whose sessions are open. */
  readonly keys: KeyRing
  /** Whether people may be signed in by OpenID Connect. */
  readonly allowsOpenId: boolean
  /** See `clientAddressOf`. */
  readonly proxyHops: number
  /** Epoch milliseconds. */
  readonly clock: () => number
}

const cookie = 'aftersend-session'
const tokenForm = /^[\w-]{43}$/
/** A session that was revoked opens nothing after this. */
const validForMs = 5_000
const noteUseEveryMs = 60_000
/** The first to be read is dropped first; it is read again. */
const cacheLimit = 1_000
const userAgentLength = 200

export function createSessions({ db, keys, allowsOpenId, proxyHops, clock }: SessionsDependencies): Sessions {
  const cache = new Map<string, { readonly row: StoredSession; readonly readAt: number }>()
  const lookUp = groupedLookup(
    (digests) => findSessions(db, digests),
    ({ digest }) => digest,
  )

  const find = async (digest: string): Promise<StoredSession | null> => {
    const known = cache.get(digest)
    if (known && clock() - known.readAt < validForMs) return known.row
    const readAt = clock()
    const row = await inTime(() => lookUp(digest))
    cache.delete(digest)
    if (row === null) return null
    cache.set(digest, { row, readAt })
    const [first] = cache.keys()
    if (cache.size > cacheLimit && first !== undefined) cache.delete(first)
    return row
  }

  const accessOf = async ({ keyId, role }: StoredSession): Promise<Pick<Caller, 'scopes' | 'project'> | null> => {
    if (keyId !== null) return keys.findById(keyId)
    return allowsOpenId ? { scopes: roles[role as Role], project: null } : null
  }

  const digestIn = (ctx: Context): string | null => {
    const token = readCookie(ctx, cookie)
    return tokenForm.test(token) ? digestOf(token).toString('hex') : null
  }

  const noteUse = (row: StoredSession) => {
    if (clock() - row.lastSeenAt.getTime() < noteUseEveryMs) return
    row.lastSeenAt = new Date(clock())
    // A request does not fail for it: the next minute's does it again.
    noteSessionUse(db, row.id, clock()).catch(() => {})
  }

  const endStored = async (ctx: Context) => {
    const digest = digestIn(ctx)
    const row = digest === null ? null : await find(digest)
    if (digest === null || row === null) return
    await inTime(() => revokeSession(db, row.id, row.name, clock()))
    cache.delete(digest)
  }

  return {
    async start(ctx, name, identity) {
      await endStored(ctx)
      const token = randomBytes(32).toString('base64url')
      const client = clientAddressOf(ctx.req, proxyHops)
      const userAgent = ctx.get('User-Agent').slice(0, userAgentLength)
      const session = { ...identity, name, digest: digestOf(token).toString('hex'), client, userAgent }
      await inTime(() => createSession(db, session, clock()))
      setCookie(ctx, cookie, token, { maxAgeMs: sessionLifetimeMs, sameSite: 'Strict' })
    },

    async read(ctx) {
      const digest = digestIn(ctx)
      const row = digest === null ? null : await find(digest)
      if (row === null || isSessionOver(row, clock())) return null
      const access = await accessOf(row)
      if (access === null) return null
      if (!isAutomatic(ctx)) noteUse(row)
      return { id: row.id, name: row.name, scopes: access.scopes, project: access.project }
    },

    async end(ctx) {
      await endStored(ctx)
      setCookie(ctx, cookie, '', { maxAgeMs: 0, sameSite: 'Strict' })
    },
  }
}

/** An open page that follows changes is not its person: it would never be idle. */
const isAutomatic = (ctx: Context): boolean =>
  ctx.path === '/live' || (ctx.method === 'GET' && ctx.get('HX-Request') === 'true')
