/** A table in a frame of its own, which scrolls sideways where the page is too narrow. */
import type { ComponentChildren } from 'preact'

/**
 * A column's title, with the classes of its cells: `wide` is left out on narrow pages, `number` is aligned to the right. A hidden title is for
 * screen readers alone.
 */
export type Column = string | readonly [title: string, classes: string, shown?: 'hidden']

interface TableProps {
  /** For screen readers. */
  readonly caption?: string
  readonly columns: readonly Column[]
  readonly class?: string
  /** The rows. */
  readonly children: ComponentChildren
}

export const Table = ({ caption, columns, class: classes, children }: TableProps) => (
  <div class={classes ? `table-frame ${classes}` : 'table-frame'}>
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
  </div>
)

const titleOf = (column: Column): string => (typeof column === 'string' ? column : column[0])

function ColumnHead({ of: column }: { of: Column }) {
  const [title, classes, shown] = typeof column === 'string' ? [column] : column
  return (
    <th scope="col" class={classes}>
      {shown === 'hidden' ? <span class="hidden-text">{title}</span> : title}
    </th>
  )
}
