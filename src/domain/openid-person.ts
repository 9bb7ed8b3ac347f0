/** Who a person is, by the claims of an OpenID provider. */
import { createHash } from 'node:crypto'
import { type Role, roleNames } from './access.ts'

export type Claims = Readonly<Record<string, unknown>>

/** Who has which role: values of the roles claim, and addresses. */
export type RoleRules = Readonly<Partial<Record<Role, readonly string[]>>>

/** How people sign in at an OpenID provider. */
export interface OpenIdSettings {
  readonly issuer: string
  readonly clientId: string
  /** Null: a public client. */
  readonly clientSecret: string | null
  readonly scopes: string
  /** The URL at which browsers reach the dashboard, without a trailing slash. */
  readonly publicUrl: string
  readonly rolesClaim: string
  readonly roles: RoleRules
}

export interface OpenIdPerson {
  /** For colleagues. Never has an @, since it gets into Temporal histories. */
  readonly name: string
  /** Stays the same when the name changes. Has no @ either. */
  readonly id: string
  /** The highest that is theirs; null if none is. */
  readonly role: Role | null
}

/** @param rolesClaim the claim's name, or a path to it such as `realm_access.roles`. */
export function personOf(claims: Claims, rules: RoleRules, rolesClaim: string): OpenIdPerson {
  const values = new Set([...textsIn(claimAt(claims, rolesClaim)), ...verifiedAddress(claims)])
  const role = roleNames.findLast((each) => rules[each]?.some((value) => values.has(normalized(value)))) ?? null
  const id = idOf(claims['sub'])
  const name = [claims['name'], claims['preferred_username']].map((claim) => cleaned(claim, nameLength)).find(Boolean)
  return { name: name ?? id.slice(0, nameLength), id, role }
}

const [nameLength, idLength] = [64, 200]

/** Addresses are compared in lower case, names as they are. */
const normalized = (value: string): string => (value.includes('@') ? value.toLowerCase() : value)

const textsIn = (claim: unknown): string[] =>
  [claim]
    .flat()
    .filter((value): value is string => typeof value === 'string')
    .map(normalized)

/** Only if the provider has proved that it is theirs. Some providers write booleans as text. */
const verifiedAddress = ({ email, email_verified: isVerified }: Claims): string[] =>
  typeof email === 'string' && (isVerified === true || isVerified === 'true') ? [email.toLowerCase()] : []

/** A claim's name may have dots itself, as in `https://example.com/roles`. */
function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  return path
    .split('.')
    .reduce<unknown>((value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined), claims)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** One line of text without an address; empty if the claim is none. */
function cleaned(claim: unknown, maxLength: number): string {
  if (typeof claim !== 'string' || claim.includes('@') || !claim.isWellFormed()) return ''
  return claim
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, maxLength)
    .toWellFormed()
}

function idOf(sub: unknown): string {
  const id = cleaned(sub, idLength)
  if (id !== '' && id === sub) return id
  return `person-${createHash('sha256').update(String(sub)).digest('hex').slice(0, 12)}`
}
