/** The fields of a header, and of the parts of reports that are written like one (RFC 5322 §2.2, RFC 3464 §2.1). */
import { Headers } from '@zone-eu/mailsplit'
import libmime from 'libmime'
import { textIn } from '../providers/fields.ts'
import { decoded } from './charset.ts'

/** Values by name. Names are in lower case; values are unfolded, and encoded words (RFC 2047) are decoded. */
export interface Fields {
  /** Null if there is no such field, or it is empty. */
  first(name: string): string | null
  all(name: string): readonly string[]
  readonly names: readonly string[]
}

/** No field that is read here is as long; RFC 5322 §2.1.1 has lines of 998 characters. */
export const maxValueLength = 4_000

/** The fields in a header block, whichever line ends it has. Lines that are no field are left out. Never throws. */
export function fieldsIn(block: Buffer): Fields {
  const values = new Map<string, string[]>()
  for (const { key, line: bytes } of new Headers(block).getList()) {
    if (key === '') continue
    // The library has a character for each byte. RFC 6532 allows UTF-8 in headers.
    const line = decoded(Buffer.from(bytes, 'latin1'), 'utf-8')
    const value = fieldValue(line.slice(line.indexOf(':') + 1), key !== 'authentication-results')
    if (value !== null) values.set(key, [...(values.get(key) ?? []), value])
  }
  return {
    first: (name) => values.get(name)?.[0] ?? null,
    all: (name) => values.get(name) ?? [],
    names: [...values.keys()],
  }
}

export const noFields: Fields = { first: () => null, all: () => [], names: [] }

/** Without what PostgreSQL cannot store. @param mayHaveWords encoded ones, which in structured fields could hide what ends a part. */
function fieldValue(folded: string, mayHaveWords: boolean): string | null {
  const value = folded
    .replace(/\r?\n[ \t]*/g, ' ')
    .trim()
    .slice(0, maxValueLength)
  return textIn({ value: mayHaveWords && value.includes('=?') ? decodedWords(value) : value }, ['value']) || null
}

function decodedWords(value: string): string {
  try {
    return libmime.decodeWords(value)
  } catch {
    // An unknown charset: the words stay encoded.
    return value
  }
}
