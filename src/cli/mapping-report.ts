/** What a mapping makes of a sample: its events, and what each of its paths finds. */
import type { ReceivedEvent } from '../domain/events.ts'
import { judgeBounce } from '../domain/judge-bounce.ts'
import { createMappedAdapter } from '../providers/mapped/mapped-adapter.ts'
import { valueAt } from '../providers/mapped/mapped-value.ts'
import type { Mapping } from '../providers/mapped/mapping.ts'
import { InvalidEventError } from '../providers/provider.ts'
import { tableOf } from './command-context.ts'

interface FoundField {
  readonly field: string
  readonly path: string
  /** Undefined if the path finds nothing. */
  readonly value: unknown
}

export interface MappingReport {
  /** Null if the body was read, even where an entry of a batch was not. */
  readonly refusal: string | null
  readonly events: readonly ReceivedEvent[]
  /** Of the entry of each event, in their order. */
  readonly found: readonly (readonly FoundField[])[]
}

/** @param receivedAt epoch milliseconds. */
export function reportOnSample(
  mapping: Mapping,
  body: Buffer,
  headers: Readonly<Record<string, string>>,
  receivedAt: number,
): MappingReport {
  try {
    const events = createMappedAdapter(mapping).parse(body, receivedAt, headers)
    return { refusal: null, events, found: events.map((event) => fieldsOf(mapping, event)) }
  } catch (error) {
    if (!(error instanceof InvalidEventError)) throw error
    return { refusal: error.message, events: [], found: [] }
  }
}

/** Whether everything could be read. */
export const isReadable = ({ refusal, events }: MappingReport): boolean =>
  refusal === null && events.every(({ quarantinedReason }) => quarantinedReason === undefined)

function fieldsOf(
  { event, fields: { bounce = {}, ...fields } }: Mapping,
  { type, payload }: ReceivedEvent,
): FoundField[] {
  const entry: unknown = JSON.parse(payload)
  const paths = [
    ...Object.entries({ event, ...fields }),
    ...Object.entries(type === 'bounced' ? bounce : {}).map(([name, path]) => [`bounce.${name}`, path] as const),
  ]
  return paths.flatMap(([field, path]) =>
    path === undefined ? [] : [{ field, path, value: foundAt(entry, field, path) }],
  )
}

function foundAt(entry: unknown, field: string, path: string): unknown {
  try {
    return valueAt(entry, field, path)
  } catch (error) {
    if (error instanceof InvalidEventError) return undefined
    throw error
  }
}

/** For people. */
export function reportText({ refusal, events, found }: MappingReport): string {
  if (refusal !== null) return `Unreadable: ${refusal}`
  if (events.length === 0) return 'No events: the sample is about no email.'
  return events.map((event, index) => [headOf(event), ...linesOf(found[index] ?? [])].join('\n')).join('\n\n')
}

function headOf(event: ReceivedEvent): string {
  const { type, emailId, recipient, occurredAt, quarantinedReason } = event
  if (quarantinedReason !== undefined) return `unreadable, would be quarantined: ${quarantinedReason}`
  const at = new Date(occurredAt).toISOString()
  return [
    `${type} of ${emailId}, ${recipient ?? 'no recipient'}, at ${at}, event ID ${event.id}`,
    ...judgementOf(event),
  ].join('\n')
}

function judgementOf({ type, bounce }: ReceivedEvent): string[] {
  if (type !== 'bounced') return []
  const { outcome, reason, party, rule } = judgeBounce(bounce)
  const consequence = outcome === 'bounced' ? ': suppresses the recipient' : ''
  return [`  judged: ${outcome}${consequence}; ${reason}, ${party} (${rule})`]
}

const linesOf = (fields: readonly FoundField[]): string[] =>
  tableOf(
    fields.map(({ field, path, value }) => [
      `  ${field}`,
      path,
      value === undefined ? 'not found' : `= ${JSON.stringify(value)}`,
    ]),
  )
