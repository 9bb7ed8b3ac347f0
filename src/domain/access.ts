/** What a caller of the API may do. */

/** Each scope with what it allows. */
export const scopes = {
  read: 'read emails, events, analytics, suppressions and escalations',
  send: 'register and send emails, and check addresses before',
  suppress: 'add, remove and import suppressions, and judge bounces again',
  operate: 'act on escalations, and replay events',
  erase: 'erase persons',
  admin: 'everything, and manage keys',
} as const

export type Scope = keyof typeof scopes

export const scopeNames = Object.keys(scopes) as [Scope, ...Scope[]]

/** Who sent a request. */
export interface Caller {
  /** Of the key; shown beside what it did. */
  readonly name: string
  readonly scopes: readonly Scope[]
  /** The one whose data it reaches; null: all. */
  readonly project: string | null
}

/** @param needed one of them is enough. */
export const allows = (caller: Caller, needed: readonly Scope[]): boolean =>
  caller.scopes.includes('admin') || needed.some((scope) => caller.scopes.includes(scope))
