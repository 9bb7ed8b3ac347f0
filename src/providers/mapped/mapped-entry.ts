/** Mapped senders as entries of the registry. */
import type { ProviderEntry } from '../provider.ts'
import { createMappedAdapter, proofOf } from './mapped-adapter.ts'
import { eventTypesOf, mappedFormat } from './mapped-sample.ts'
import type { Mapping } from './mapping.ts'

export function mappedEntry(mapping: Mapping): ProviderEntry {
  const adapter = createMappedAdapter(mapping)
  const { verify: _, ...proof } = proofOf(mapping)
  return {
    name: mapping.name,
    title: mapping.title ?? mapping.name,
    variable: `${mapping.name.toUpperCase().replaceAll('-', '_')}_WEBHOOK_SECRET`,
    ...proof,
    eventTypes: eventTypesOf(mapping),
    create: () => adapter,
    sampleFormat: mappedFormat(mapping),
  }
}
