/** A table of figures: each row has a label, and a figure in each column. */
import type { ComponentChildren } from 'preact'
import { Table, type TableName } from './table.tsx'

interface FigureColumn<Row> {
  readonly name: string
  readonly textOf: (row: Row) => string
}

interface FigureTableProps<Row> {
  readonly name: TableName
  readonly class?: string
  /** The heading of the labels. */
  readonly labelName: string
  readonly labelOf: (row: Row) => ComponentChildren
  readonly columns: readonly FigureColumn<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string
}

export function FigureTable<Row>({ labelName, labelOf, columns, rows, keyOf, ...frame }: FigureTableProps<Row>) {
  return (
    <Table {...frame} columns={[labelName, ...columns.map(({ name }) => [name, 'number'] as const)]}>
      {rows.map((row) => (
        <tr key={keyOf(row)}>
          <td>{labelOf(row)}</td>
          {columns.map(({ name, textOf }) => (
            <td key={name} class="number">
              {textOf(row)}
            </td>
          ))}
        </tr>
      ))}
    </Table>
  )
}
