/** A table in a frame of its own, which scrolls sideways where the page is too narrow. */
import type { ComponentChildren } from 'preact'

/**
 * A column's title, with the classes of its cells: `wide` is left out on narrow pages, `number` is aligned to the right. A hidden title is for
 * screen readers alone.
 */
export type Column = string | readonly [title: string, classes: string, shown?: 'hidden']

/** What a table is called: by a heading with this ID, or by words. */
export type TableName = { readonly 'aria-labelledby': string } | { readonly 'aria-label': string }

interface TableProps {
  /** For screen readers. */
  readonly caption?: string
  /** In place of a caption, of a table that may be wider than a page: it can be scrolled by keyboard. */
  readonly name?: TableName
  readonly columns: readonly Column[]
  /** Beside `table-frame`. */
  readonly class?: string | undefined
  /** The rows. */
  readonly children: ComponentChildren
}

export function Table({ caption, name, columns, class: classes, children }: TableProps) {
  const frame = ['table-frame', classes].filter(Boolean).join(' ')
  const table = (
    <table>
      {caption && <caption class="hidden-text">{caption}</caption>}
      <thead>
        <tr>
          {columns.map((column) => (
            <ColumnHead key={titleOf(column)} of={column} />
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  )
  if (!name) return <div class={frame}>{table}</div>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section class={frame} tabIndex={0} {...name}>
      {table}
    </section>
  )
}

const titleOf = (column: Column): string => (typeof column === 'string' ? column : column[0])

function ColumnHead({ of: column }: { of: Column }) {
  const [title, classes, shown] = typeof column === 'string' ? [column] : column
  return (
    <th scope="col" class={classes}>
      {shown === 'hidden' ? <span class="hidden-text">{title}</span> : title}
    </th>
  )
}
