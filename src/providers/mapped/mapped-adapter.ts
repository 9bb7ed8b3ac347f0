/** The adapter of a mapped sender. */
import { classifyBounce } from '../../domain/bounce-policy.ts'
import { type Adapter, createAdapter, type EntryFacts, type Received } from '../adapter.ts'
import { ownIdsOf } from '../custom-fields.ts'
import { type Entries, listOfEntries, oneEntry } from '../entries.ts'
import { type BounceReport, codeIn, eventIdOf } from '../event-builder.ts'
import { decodeUtf8, idForm, type Json, parseJson, required, tagsIn } from '../fields.ts'
import { credentialProof, type Proof, stampedHmacProof } from '../proof.ts'
import { InvalidEventError } from '../provider.ts'
import { signedIdIn, standardProof } from '../standard-signature.ts'
import { objectAt, textAt, valueAt } from './mapped-value.ts'
import type { Mapping } from './mapping.ts'

export function createMappedAdapter(mapping: Mapping): Adapter {
  const { name, entries, event, types, fields } = mapping
  return createAdapter({
    name,
    verify: proofOf(mapping).verify,
    entriesIn: entriesOf(entries),
    emailIdName: `email ID at ${fields.emailId}`,
    wordOf: (entry) => valueAt(entry, 'event', event),
    types: Object.fromEntries(
      Object.entries(types).map(([word, type]) => [word, type === 'deferred' ? 'bounced' : type]),
    ),
    factsOf: (entry, _word, received) => factsOf(mapping, entry, received),
    bounceOf: (entry, word) => bounceOf(mapping, entry, word),
  })
}

/** How a sender proves its requests. */
export function proofOf({ proof }: Mapping): Proof {
  if (proof === 'credential') return credentialProof
  if (proof === 'standard-webhooks') return standardProof('webhook')
  const {
    header,
    field,
    encoding,
    prefix,
    content,
    timestampField,
    timestampHeader,
    toleranceSeconds = 300,
  } = proof.hmac
  const timestamp =
    timestampField !== undefined
      ? { field: timestampField }
      : timestampHeader !== undefined
        ? { header: timestampHeader.toLowerCase() }
        : null
  return stampedHmacProof({
    ...{ header: header.toLowerCase(), field: field ?? null, encoding, prefix, timestamp },
    ...{ content: content ?? '{body}', toleranceMs: timestamp && toleranceSeconds * 1_000 },
    ...{ unitMs: 1_000, separator: ',', requirement: 'the secret that the sender signs with' },
  })
}

function entriesOf(entries: Mapping['entries']): Entries {
  if (entries === 'one') return oneEntry
  if (entries === 'list') return listOfEntries
  return (rawBody) => {
    const found = valueAt(parseJson(decodeUtf8(rawBody)), 'entries', entries)
    if (Array.isArray(found)) return { entries: found }
    throw new InvalidEventError(`${entries} is not a JSON array of events`)
  }
}

function factsOf({ proof, entries, fields }: Mapping, entry: Json, { payload, headers }: Received): EntryFacts {
  const at = (field: Exclude<keyof Mapping['fields'], 'bounce'>) => valueAt(entry, field, fields[field])
  // The ID in the header is that of the request, so of its only event.
  const signedId = proof === 'standard-webhooks' && entries === 'one' ? signedIdIn(headers, 'webhook') : null
  const externalId = at('externalId')
  return {
    id: fields.id ? required(`ID at ${fields.id}`, idForm, [at('id')]) : (signedId ?? eventIdOf(payload)),
    emailId: at('emailId'),
    times: [at('occurredAt')].flat(),
    recipient: textAt(entry, 'recipient', fields.recipient),
    to: at('to'),
    subject: at('subject'),
    userAgent: textAt(entry, 'userAgent', fields.userAgent),
    isMachine: at('isMachine') === true,
    response: [textAt(entry, 'response', fields.response)],
    list: textAt(entry, 'list', fields.list),
    tags: tagsIn(at('tags')),
    ownIds: ownIdsOf({
      ...objectAt(entry, 'metadata', fields.metadata),
      ...(externalId !== undefined && { external_id: externalId }),
    }),
  }
}

function bounceOf({ types, fields: { bounce = {} } }: Mapping, entry: Json, word: string): BounceReport {
  const textOf = (field: keyof typeof bounce) => textAt(entry, `bounce.${field}`, bounce[field])
  const message = textOf('message')
  const code = codeIn(textOf('code'), message)
  const isDeferred = types[word] === 'deferred'
  return {
    class: classifyBounce({ type: textOf('class') ?? (isDeferred ? 'deferred' : null), code }),
    ...{ code, message, word, subWord: textOf('word'), host: textOf('host') },
    isOver:
      !isDeferred && !['false', false].includes(valueAt(entry, 'bounce.isOver', bounce.isOver) as string | boolean),
  }
}
