/** The terms of an SPF record (RFC 7208 §5 and §6). */

export interface SpfTerms {
  /** Domains whose records are read too, as `include` and `redirect` name them; each is one lookup. */
  readonly includes: readonly string[]
  readonly redirect: string | null
  /** Lookups of `a`, `mx`, `ptr` and `exists`, and of includes with macros, which cannot be followed without a message. */
  readonly otherLookups: number
  /** What of these can be looked up without a message: all but `ptr`, and what has macros. */
  readonly lookups: readonly SpfLookup[]
  /** The qualifier of `all`: `+` allows every host; null: there is no `all`. */
  readonly all: '+' | '-' | '~' | '?' | null
  readonly usesPtr: boolean
  /** Terms that RFC 7208 does not know: receivers then ignore the whole record. */
  readonly unknown: readonly string[]
}

export interface SpfLookup {
  readonly mechanism: 'a' | 'mx' | 'exists'
  /** Null: the domain that has the record. */
  readonly name: string | null
}

/** Lookups that receivers make for one message (RFC 7208 §4.6.4). */
export const spfLookupLimit = 10
/** How many of them may find nothing (void lookups), and MX records that one `mx` may find, by the same section. */
export const [spfVoidLookupLimit, spfMailHostLimit] = [2, 10]

const term = /^([+\-~?]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?::([^/]*))?(\/.*)?$/i
const modifier = /^([a-z][a-z0-9_.-]*)=(.*)$/i

export function spfTermsOf(record: string): SpfTerms {
  const parsed = record.split(/ +/).slice(1).filter(Boolean).map(parseTerm)
  const named = (name: string) => parsed.flatMap((each) => (each.name === name ? [each] : []))
  const followed = named('include').filter(({ value }) => isFollowable(value))
  const all = named('all')[0]
  const redirect = named('redirect=')[0]?.value ?? null
  const lookedUp = (['a', 'mx', 'exists'] as const).flatMap((mechanism) =>
    named(mechanism).map(({ value }) => ({ mechanism, name: value === '' ? null : value.toLowerCase() })),
  )
  // RFC 7208 §6.1: `redirect` counts only without `all`.
  const isRedirected = all === undefined && redirect !== null
  const unfollowed = named('include').length - followed.length + (isRedirected && !isFollowable(redirect) ? 1 : 0)
  return {
    includes: followed.map(({ value }) => value.toLowerCase()),
    redirect: isRedirected && isFollowable(redirect) ? redirect.toLowerCase() : null,
    otherLookups: lookedUp.length + named('ptr').length + unfollowed,
    lookups: lookedUp.filter(({ name }) => name === null || isFollowable(name)),
    all: all === undefined ? null : all.qualifier,
    usesPtr: named('ptr').length > 0,
    unknown: parsed.flatMap((each) => (each.name === null ? [each.value] : [])),
  }
}

const isFollowable = (domain: string): boolean => !domain.includes('%')

interface Term {
  /** Null for an unknown one. */
  readonly name: string | null
  readonly qualifier: NonNullable<SpfTerms['all']>
  /** A domain or an address, without the length of its prefix. */
  readonly value: string
}

function parseTerm(text: string): Term {
  const mechanism = term.exec(text)
  const [, sign = '', name = '', value = ''] = mechanism ?? []
  const qualifier = (sign || '+') as Term['qualifier']
  const needsValue = ['include', 'exists', 'ip4', 'ip6'].includes(name.toLowerCase())
  if (mechanism && (value !== '' || !needsValue)) return { name: name.toLowerCase(), qualifier, value }
  const [, modifierName = '', target = ''] = modifier.exec(text) ?? []
  // Unknown modifiers are ignored (RFC 7208 §6), unknown mechanisms are errors.
  if (modifierName !== '') return { name: `${modifierName.toLowerCase()}=`, qualifier: '+', value: target }
  return { name: null, qualifier: '+', value: text }
}
