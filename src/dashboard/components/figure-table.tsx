/** A table of figures: each row has a label, and a figure in each column. */
import type { ComponentChildren } from 'preact'

interface FigureColumn<Row> {
  readonly name: string
  readonly textOf: (row: Row) => string
}

interface FigureTableProps<Row> {
  /** What the table is called: by a heading with this ID, or by words. */
  readonly name: { readonly 'aria-labelledby': string } | { readonly 'aria-label': string }
  /** Beside `table-frame`. */
  readonly class?: string
  /** The heading of the labels. */
  readonly labelName: string
  readonly labelOf: (row: Row) => ComponentChildren
  readonly columns: readonly FigureColumn<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
}

export const FigureTable = <Row,>({
  name,
  labelName,
  labelOf,
  columns,
  rows,
  keyOf,
  ...props
}: FigureTableProps<Row>) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
  <section class={['table-frame', props.class].filter(Boolean).join(' ')} tabIndex={0} {...name}>
    <table>
      <thead>
        <tr>
          <th scope="col">{labelName}</th>
          {columns.map((column) => (
            <th key={column.name} scope="col" class="number">
              {column.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            <td>{labelOf(row)}</td>
            {columns.map((column) => (
              <td key={column.name} class="number">
                {column.textOf(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </section>
)
