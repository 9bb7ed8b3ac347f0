/** Aftersend for applications: `import { createClient } from 'aftersend/client'`. Needs `fetch`, and nothing else. */
export { type AftersendClient, createClient, type WatchOptions } from './client.ts'
export { AftersendProblemError, AftersendUnreachableError, RecipientSuppressedError } from './errors.ts'
export type { ConnectionOptions } from './request.ts'
export type * from './types.ts'
