/** What requests may hold. Everything from outside goes through {@link parseInput}. */
import { z } from 'zod'
import { normalizeAddress } from '../domain/address.ts'
import { Problem } from './problem.ts'

/**
 * `value` in the shape of `form`.
 * @throws Problem 400 with one mistake per place.
 */
export function parseInput<T>(form: z.ZodType<T>, value: unknown, what: 'body' | 'query' | 'path'): T {
  const parsed = form.safeParse(value)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  throw new Problem(400, `the ${what} is not as it must be; errors says where`, { errors })
}

/** Text that PostgreSQL can hold: it refuses NUL, and half a surrogate pair has no UTF-8. */
export const text = (maxLength: number) =>
  z
    .string('wants text')
    .max(maxLength, `wants at most ${maxLength} characters`)
    .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'holds NUL or broken characters')

/** Text that names something: one line, not empty. */
export const name = (maxLength: number) =>
  text(maxLength)
    .trim()
    .min(1, 'wants at least 1 character')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
    .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), 'holds control characters')

/** The provider's ID of an email. */
export const emailId = name(255)

/** An email address, normalized as it is compared. */
export const address = name(1_000).transform((value, issues) => {
  const normalized = normalizeAddress(value)
  if (normalized !== null) return normalized
  issues.addIssue({ code: 'custom', message: 'wants an email address' })
  return z.NEVER
})

/** How many entries a list answers with. */
export const pageLimit = z.coerce
  .number('wants a number from 1 to 200')
  .int('wants a whole number')
  .min(1, 'wants at least 1')
  .max(200, 'wants at most 200')
  .default(50)

/** A cursor that {@link pageOf} made: the place of the last entry, opaque to whoever carries it. */
export const cursor = <T>(position: z.ZodType<T>) =>
  text(4_000)
    .regex(/^[\w-]*$/, 'wants the nextCursor of an earlier answer')
    .transform((value, issues) => {
      const parsed = position.safeParse(decodeJson(value))
      if (parsed.success) return parsed.data
      issues.addIssue({ code: 'custom', message: 'wants the nextCursor of an earlier answer' })
      return z.NEVER
    })
    .optional()
    .transform((found) => found ?? null)

function decodeJson(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

/** A time as cursors carry it: exactly what Date makes of it, in years that PostgreSQL and Date both know. */
export const cursorTime = z.iso.datetime()

/** A moment as people and programs write it, as epoch milliseconds; in years that PostgreSQL and Date both know. */
export const instant = z.iso
  .datetime({ offset: true, error: 'wants a time such as 2030-01-31T12:00:00Z' })
  .transform((time) => Date.parse(time))
  .refine((at) => at >= 0 && at < Date.UTC(2100), 'wants a time from 1970 to 2099')

/** A place in a list, as a cursor carries it. */
export const cursorOf = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString('base64url')

/** What a list answers. */
export const pageAnswer = <Entry extends z.ZodType>(entry: Entry) =>
  z.object({ data: z.array(entry), nextCursor: z.string().nullable() })

/**
 * A page of a list.
 * @param rows one more than `limit` if there are more.
 */
export function pageOf<Row, View>(
  rows: readonly Row[],
  limit: number,
  positionOf: (last: Row) => unknown,
  views: readonly View[],
): { data: View[]; nextCursor: string | null } {
  const last = rows.length > limit ? rows[limit - 1] : undefined
  return {
    data: views.slice(0, limit),
    nextCursor: last === undefined ? null : cursorOf(positionOf(last)),
  }
}
