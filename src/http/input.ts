/** Schemas for what requests may contain. All input goes through {@link parseInput}. */
import { z } from 'zod'
import { normalizedOf, parseMailbox, parseMailboxes } from '../domain/address.ts'
import { validationProblem } from './problem.ts'

/**
 * Validates `value`.
 * @throws Problem 400 with an entry in `errors` for each part that is not valid.
 */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown, what: 'body' | 'query' | 'path'): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  throw validationProblem(errors, `the ${what}`)
}

export const jsonObject = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape, 'must be a JSON object')

export const oneOf = <const Values extends readonly string[]>(values: Values) =>
  z.enum(values, `must be one of: ${values.join(', ')}`)

/** Text that PostgreSQL can store: neither NUL nor half a surrogate pair, which has no UTF-8. */
export const text = (maxLength: number) =>
  z
    .string('must be a string')
    .max(maxLength, `must have at most ${maxLength} characters`)
    .refine((value) => !value.includes('\u0000') && value.isWellFormed(), 'must be valid Unicode without NUL')

/** A name or ID: one line, not empty. */
export const name = (maxLength: number) =>
  text(maxLength)
    .trim()
    .min(1, 'must not be empty')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point
    .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), 'must not contain control characters')

/** A query in which `field[key]=value` are pairs of one object, as OpenAPI's style `deepObject` writes them. */
export const queryWithPairs = <Schema extends z.ZodType>(field: string, schema: Schema) =>
  z.preprocess((query) => pairsGathered(field, query as Readonly<Record<string, unknown>>), schema)

function pairsGathered(field: string, query: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const isPair = (key: string) => key.startsWith(`${field}[`) && key.endsWith(']')
  const all = Object.entries(query)
  const pairs = all.filter(([key]) => isPair(key)).map(([key, value]) => [key.slice(field.length + 1, -1), value])
  if (pairs.length === 0) return query
  return Object.fromEntries([...all.filter(([key]) => !isPair(key)), [field, Object.fromEntries(pairs)]])
}

const addressMessage = 'must be an email address, with or without a display name'

/** One mailbox. */
export const mailbox = name(1_000).transform((written, issues) => {
  const parsed = parseMailbox(written)
  if (parsed !== null) return parsed
  const several = parseMailboxes(written) !== null
  issues.addIssue({ code: 'custom', message: several ? 'must be one address, not several' : addressMessage })
  return z.NEVER
})

/** A text with one or several mailboxes, as the header field `To` has them. */
export const mailboxList = name(16_000).transform((written, issues) => {
  const parsed = parseMailboxes(written)
  if (parsed !== null) return parsed
  issues.addIssue({ code: 'custom', message: addressMessage })
  return z.NEVER
})

/** An email address, normalized for comparison. */
export const address = mailbox.transform(normalizedOf)

/** How many entries a list returns at most. */
export const limitUpTo = (max: number) => {
  const message = `must be a whole number from 1 to ${max}`
  return z.coerce.number(message).int(message).min(1, message).max(max, message).default(50)
}

export const pageLimit = limitUpTo(200)

const cursorMessage = 'must be the nextCursor of an earlier answer'

/** A cursor from {@link pageOf}: the position of a page's last entry, opaque to clients. */
export const cursor = <T>(position: z.ZodType<T>) =>
  text(4_000)
    .regex(/^[\w-]*$/, cursorMessage)
    .transform((value, issues) => {
      const parsed = position.safeParse(decodeJson(value))
      if (parsed.success) return parsed.data
      issues.addIssue({ code: 'custom', message: cursorMessage })
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

/** A time within a cursor, as `toISOString` writes it. */
export const cursorTime = z.iso.datetime()

export const timeMessage = 'must be a time such as 2030-01-31T12:00:00Z'

/** An ISO 8601 time as epoch milliseconds, in years that both PostgreSQL and Date support. */
export const instant = z.iso
  .datetime({ offset: true, error: timeMessage })
  .transform((time) => Date.parse(time))
  .refine((at) => at >= 0 && at < Date.UTC(2100), 'must be a time from 1970 to 2099')

/** Encodes a position in a list as a cursor. */
export const cursorOf = (position: unknown): string => Buffer.from(JSON.stringify(position)).toString('base64url')

/** The schema of a page of a list. */
export const pageAnswer = <Entry extends z.ZodType>(entry: Entry) =>
  z.object({ data: z.array(entry), nextCursor: z.string().nullable() })

/**
 * A page of a list.
 * @param rows up to `limit` + 1: one more shows that another page follows.
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
