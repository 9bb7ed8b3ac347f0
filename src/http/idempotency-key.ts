/** The header `Idempotency-Key`, by which a client marks a request as a retry of another. */
import type { Context } from 'koa'
import { z } from 'zod'
import { Problem } from './problem.ts'

/** Providers accept up to 256 characters. */
const form = z.string().regex(/^[\x21-\x7e]{1,255}$/)

/** For the descriptions of routes that read it. */
export const idempotencyKeyHeader = {
  'Idempotency-Key': { description: 'Up to 255 printable ASCII characters', required: false },
} as const

/** The request's key, or null. @throws Problem 400 if it is not valid. */
export function idempotencyKeyOf(ctx: Context): string | null {
  const given = ctx.req.headers['idempotency-key']
  if (given === undefined) return null
  const parsed = form.safeParse(given)
  if (parsed.success) return parsed.data
  throw new Problem(400, '`Idempotency-Key` must be 1 to 255 printable ASCII characters without spaces')
}
