/** The senders of the tests' mappings, as the configuration has them. */
import { fileURLToPath } from 'node:url'
import { mappedEntry } from '../../src/providers/mapped/mapped-entry.ts'
import { readMappings } from '../../src/providers/mapped/mappings-file.ts'
import { providers } from '../../src/providers/registry.ts'

export const mappedProviders = readMappings(
  fileURLToPath(new URL('fixtures/mappings.json', import.meta.url)),
  providers,
).mappings.map(mappedEntry)
