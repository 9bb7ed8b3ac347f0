/** Evaluates the paths of a mapping. */
import jmespath from 'jmespath'
import { isObject, type Json, textIn } from '../fields.ts'
import { InvalidEventError } from '../provider.ts'

/**
 * What a path finds in an entry; undefined if it finds nothing, or the mapping has no such path.
 * @param field for messages.
 * @throws InvalidEventError if a function of the expression cannot take what it is given.
 */
export function valueAt(entry: unknown, field: string, path: string | undefined): unknown {
  if (path === undefined) return undefined
  try {
    return jmespath.search(entry, path) ?? undefined
  } catch {
    throw new InvalidEventError(`the path of ${field} cannot be applied to this event: ${path}`)
  }
}

/** The text or number that a path finds; null for anything else. */
export const textAt = (entry: unknown, field: string, path: string | undefined): string | null =>
  textIn({ value: valueAt(entry, field, path) }, ['value'])

export const objectAt = (entry: unknown, field: string, path: string | undefined): Json => {
  const value = valueAt(entry, field, path)
  return isObject(value) ? value : {}
}
