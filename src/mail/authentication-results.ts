/** Which domain vouches for a mail, as the own mail server has found out and written into its header (RFC 8601). */
import { type Fields, maxValueLength } from './fields.ts'

/** By method, the properties that name the domain (IANA, Email Authentication Methods). DMARC first: it covers the `From` address. */
const domainProperties = [
  ['dmarc', ['header.from']],
  ['dkim', ['header.d', 'header.i']],
  ['spf', ['smtp.mailfrom']],
] as const

/**
 * The domain for which DMARC, DKIM or SPF has passed; empty if for none.
 * @param authservId of the server that is trusted, in lower case. Of several headers with it, the uppermost counts: the server has added it
 * last, and one below may be forged.
 */
export function authenticatedDomain(fields: Fields, authservId: string): string {
  const own = fields.all('authentication-results').find((value) => serverOf(value) === authservId)
  const [, ...statements] = statementsOf(own ?? '')
  for (const [method, names] of domainProperties) {
    for (const [outcome = '', ...properties] of statements) {
      if (outcome.replace(/\/\d+=/, '=') !== `${method}=pass`) continue
      const values = names.map((name) => properties.find((property) => property.startsWith(`${name}=`)))
      const domain = values.find((value) => value !== undefined)?.replace(/^.*[=@]/, '') ?? ''
      if (/^[a-z0-9_.-]{1,250}\.[a-z0-9-]{2,63}$/.test(domain)) return domain
    }
  }
  return ''
}

const serverOf = (value: string): string => /^(?:\([^()]*\)\s*)*([^\s;(]*)/.exec(value)?.[1]?.toLowerCase() ?? ''

/** The words of each statement, in lower case; the first ones are the server's. None if a comment does not end, or the value was cut. */
function statementsOf(value: string): string[][] {
  if (value.length >= maxValueLength) return []
  // What is quoted may come from the sender of the mail: it must not look like a statement.
  let plain = value.replace(/"((?:\\.|[^"\\])*)"|\\./g, (_, quoted = '') => (/^[\w.@+-]+$/.test(quoted) ? quoted : '?'))
  for (let before = ''; before !== plain; ) {
    before = plain
    plain = plain.replace(/\([^()]*\)/g, ' ')
  }
  if (/[()"]/.test(plain)) return []
  return plain
    .toLowerCase()
    .split(';')
    .map((statement) =>
      statement
        .replace(/\s*([=/])\s*/g, '$1')
        .trim()
        .split(/\s+/),
    )
}
