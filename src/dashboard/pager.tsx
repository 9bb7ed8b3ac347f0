/** Long lists, a page at a time: onward by the place of the last entry, and back to the newest. */

export interface PageLinks {
  /** This list's path. */
  readonly path: string
  /** The filter as the address has it; empty ones are left out. */
  readonly query: Readonly<Record<string, string | undefined>>
  readonly nextCursor: string | null
  /** Whether this is not the first page. */
  readonly isFurther: boolean
}

/** A path with a query, of what is given. */
export function pathWith(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => Boolean(entry[1]))
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`
}

export function Pager({ path, query, nextCursor, isFurther }: PageLinks) {
  if (nextCursor === null && !isFurther) return null
  return (
    <nav class="pager" aria-label="Pages">
      {isFurther && (
        <a class="button" href={pathWith(path, query)}>
          Newest
        </a>
      )}
      {nextCursor !== null && (
        <a class="button" href={pathWith(path, { ...query, cursor: nextCursor })} rel="next">
          Older
        </a>
      )}
    </nav>
  )
}
