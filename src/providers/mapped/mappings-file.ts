/** Reads the file of mappings. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import type { ProviderEntry } from '../provider.ts'
import { mappedEntry } from './mapped-entry.ts'
import { type Mapping, mappingsForm } from './mapping.ts'

interface Mappings {
  readonly mappings: readonly Mapping[]
  /** One sentence for each mistake, with the field. */
  readonly errors: readonly string[]
}

const none = (...errors: string[]): Mappings => ({ mappings: [], errors })

/** @param builtIn the providers that Aftersend knows: their names and variables are taken. */
export function readMappings(path: string, builtIn: readonly ProviderEntry[]): Mappings {
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'cannot be read: check that it exists'
    return none(`${path} ${why}`)
  }
  const { success, data, error } = mappingsForm.safeParse(json)
  if (!success) return none(...error.issues.map((issue) => `${path}: ${sentenceOf(issue)}`))
  const names = data.senders.map(({ name }) => name)
  const errors = data.senders.flatMap((mapping, index) =>
    isTaken(mapping, builtIn) || names.indexOf(mapping.name) < index
      ? [`${path}: senders.${index}.name ${mapping.name} is taken: choose another one`]
      : [],
  )
  return errors.length > 0 ? none(...errors) : { mappings: data.senders, errors }
}

/** Of a union, the mistake in the only form that has the given fields: the union itself has one sentence for all of them. */
function sentenceOf(issue: z.core.$ZodIssue): string {
  const { path, message } = issue
  const inner = issue.code === 'invalid_union' ? issue.errors.flat().find((each) => each.path.length > 0) : undefined
  if (inner) return sentenceOf({ ...inner, path: [...path, ...inner.path] })
  return `${path.join('.') || 'the file'} ${message}`
}

function isTaken(mapping: Mapping, builtIn: readonly ProviderEntry[]): boolean {
  const { name, variable } = mappedEntry(mapping)
  return builtIn.some(
    (entry) =>
      entry.name === name || variable.startsWith(`${entry.variable}_`) || entry.variable.startsWith(`${variable}_`),
  )
}
