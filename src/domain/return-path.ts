/** Variable return paths (VERP): the address to which failures are reported contains the email's ID, as in `bounce+{id}@bounces.example.com`. */

const idPlace = '{id}'

/** Whether the text is such an address: with one `{id}`, before the `@`. */
export const isReturnPath = (text: string): boolean =>
  /^[^\s@{},;<>]{0,60}\{id\}[^\s@{},;<>]{0,60}@[a-z0-9.-]{1,250}$/i.test(text)

/** The ID in the first of `addresses` that has the form of one of `returnPaths`, in its own case; null if none has. */
export function idInReturnPath(returnPaths: readonly string[], addresses: readonly string[]): string | null {
  const matchers = returnPaths.map(matcherOf)
  for (const address of addresses) {
    for (const matcher of matchers) {
      const [, id] = matcher.exec(address) ?? []
      if (id !== undefined) return id
    }
  }
  return null
}

function matcherOf(returnPath: string): RegExp {
  const [before = '', after = ''] = returnPath.split(idPlace).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^<?${before}([^@\\s<>]{1,250})${after}>?$`, 'i')
}
