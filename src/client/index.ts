/** The client for applications: `import { createClient } from '@aftersend/client'`. It needs only `fetch`. */
export type * from './analytics-types.ts'
export { type AftersendClient, createClient, type WatchOptions } from './client.ts'
export { AftersendProblemError, AftersendUnreachableError, RecipientSuppressedError } from './errors.ts'
export type * from './person-types.ts'
export type { ConnectionOptions } from './request.ts'
export type * from './types.ts'
