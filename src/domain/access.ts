/** What a caller of the API, or a person at the dashboard, may do. */

/** Each scope with what it allows. */
export const scopes = {
  read: 'read emails, events, analytics, suppressions and escalations',
  send: 'register and send emails, and check addresses before',
  suppress: 'add, remove and import suppressions, and judge bounces again',
  escalate: 'act on escalations',
  operate: 'act on escalations, replay events, send test events, and pause, resume and replay endpoints',
  endpoints: 'create, change and delete endpoints, which receive webhooks with addresses',
  erase: 'erase persons',
  admin: 'everything, and manage keys',
} as const

export type Scope = keyof typeof scopes

export const scopeNames = Object.keys(scopes) as [Scope, ...Scope[]]

/** What each role of a person allows, from the least to the most. Erasing persons is left to `admin`, since nothing undoes it. */
export const roles = {
  viewer: ['read'],
  support: ['read', 'suppress', 'escalate'],
  operator: ['read', 'suppress', 'escalate', 'send', 'operate'],
  admin: ['admin'],
} as const satisfies Record<string, readonly Scope[]>

export type Role = keyof typeof roles

export const roleNames = Object.keys(roles) as [Role, ...Role[]]

/** Who sent a request. */
export interface Caller {
  /** Of the key or the person; shown beside what it did. */
  readonly name: string
  readonly scopes: readonly Scope[]
  /** The only project that it may see and change; null: all. */
  readonly project: string | null
}

/** What opens the commands of escalations: keys from before there was `escalate` have `operate`. */
export const escalationScopes = ['escalate', 'operate'] as const satisfies readonly Scope[]

/** What shows endpoints, and pauses, resumes, tests and replays them. Who creates one decides who receives addresses: that needs `endpoints`. */
export const endpointScopes = ['endpoints', 'operate'] as const satisfies readonly Scope[]

/** @param needed one of them is enough. */
export const allows = (caller: Pick<Caller, 'scopes'>, needed: readonly Scope[]): boolean =>
  caller.scopes.includes('admin') || needed.some((scope) => caller.scopes.includes(scope))
