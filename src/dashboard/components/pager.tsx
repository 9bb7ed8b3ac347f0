/** Links between the pages of a list: to the next one by cursor, and back to the first. */
import { pathWith } from '../paths.ts'

export interface PageLinks {
  readonly path: string
  /** The filter, as in the URL. */
  readonly query: Readonly<Record<string, string | undefined>>
  readonly nextCursor: string | null
  /** Whether this is not the first page. */
  readonly isFurther: boolean
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
