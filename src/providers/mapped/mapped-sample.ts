/**
 * The JSON of a mapped sender, for the simulator and `sign`: the mapping read backwards. Only plain paths, such as `data.email.id`, can be, and the
 * first of several (`a || b`); what another expression reads is left out.
 */
import type { ProviderEventType } from '../../domain/events.ts'
import { type DatedSampleEvent, eventFormat, type SampleEmail, type SampleFormat, withOneRecipient } from '../sample.ts'
import { customFieldsOf } from '../sample-fields.ts'
import type { Mapping } from './mapping.ts'

/** The types that the sender reports, by its words. */
export const eventTypesOf = ({ types }: Mapping): ProviderEventType[] => [
  ...new Set(
    Object.values(types).flatMap((type) => (isReported(type) ? [type === 'deferred' ? 'bounced' : type] : [])),
  ),
]

const isReported = (type: Mapping['types'][string]): type is ProviderEventType | 'deferred' =>
  type !== null && type !== 'unsubscribed' && type !== 'resubscribed'

export const mappedFormat = (mapping: Mapping): SampleFormat =>
  eventFormat((event, email) => entryOf(mapping, event, email), {
    adapt: (event, email) => (wordFor(mapping, event) === undefined ? [] : withOneRecipient(event, email)),
    namesAllRecipients: false,
    sendsBatches: mapping.entries !== 'one',
    ...(!carriesOwnIds(mapping) && { hasCustomFields: false }),
    bodyOf(events, email) {
      const entries = events.map((event) => entryOf(mapping, event, email))
      if (mapping.entries === 'one') return JSON.stringify(entries[0])
      return JSON.stringify(mapping.entries === 'list' ? entries : put({}, writtenPath(mapping.entries), entries))
    },
  })

const plainPath = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/

/** The path that is written; undefined if there is none that is plain. */
function writtenPath(path = ''): string | undefined {
  const [first = ''] = path.split('||').map((alternative) => alternative.trim())
  return plainPath.test(first) ? first : undefined
}

/** All or none: the simulator knows senders with custom fields and without. */
const carriesOwnIds = ({ fields: { metadata, externalId } }: Mapping): boolean =>
  writtenPath(metadata) !== undefined && (externalId === undefined || writtenPath(externalId) !== undefined)

function wordFor({ types }: Mapping, { type, bounce }: Pick<DatedSampleEvent, 'type' | 'bounce'>): string | undefined {
  const wanted = type === 'bounced' && bounce?.isOver === false ? 'deferred' : type
  return Object.keys(types).find((word) => types[word] === wanted)
}

function entryOf(mapping: Mapping, event: DatedSampleEvent, email: SampleEmail): object {
  const { fields } = mapping
  const { external_id: externalId, ...metadata } = customFieldsOf(email)
  const values: readonly (readonly [path: string | undefined, value: unknown])[] = [
    [mapping.event, wordFor(mapping, event)],
    [fields.id, event.id],
    [fields.emailId, email.id],
    [fields.occurredAt, event.at.toISOString()],
    [fields.to, event.recipient],
    [fields.recipient, event.recipient],
    [fields.subject, email.subject],
    [fields.userAgent, event.engagement?.userAgent],
    [fields.tags, email.tags],
    ...(carriesOwnIds(mapping)
      ? ([
          [fields.metadata, fields.externalId === undefined ? customFieldsOf(email) : metadata],
          [fields.externalId, externalId],
        ] as const)
      : []),
    [fields.bounce?.class, event.bounce?.class],
    [fields.bounce?.code, event.bounce?.code],
    [fields.bounce?.message, event.bounce?.message],
    [fields.bounce?.isOver, event.bounce?.isOver],
  ]
  return values.reduce<object>((entry, [path, value]) => put(entry, writtenPath(path), value), {})
}

/** The object with the value at a plain path; unchanged for any other. */
function put(into: object, path: string | undefined, value: unknown): object {
  if (path === undefined || value === undefined || value === null) return into
  const [field = '', ...below] = path.split('.')
  const inner = Object.entries(into).find(([name]) => name === field)?.[1]
  const part = typeof inner === 'object' && inner !== null ? (inner as object) : {}
  return { ...into, [field]: below.length === 0 ? value : put(part, below.join('.'), value) }
}
