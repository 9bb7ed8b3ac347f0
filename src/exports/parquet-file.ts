/** Parquet, compressed by Snappy, with dictionaries where they make a column smaller. A page of rows is a row group. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { type Column, type ColumnType, schemaVersion } from './columns.ts'
import type { HourFile } from './hour-file.ts'

type SchemaElement = ConstructorParameters<typeof ParquetWriter>[0]['schema'][number]

const primitives = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  integer: { type: 'INT32' },
  boolean: { type: 'BOOLEAN' },
} as const satisfies Readonly<Record<string, Omit<SchemaElement, 'name'>>>

/** @param columns at least one, all of which may lack a value but lists. */
export function createParquetFile(columns: readonly Column[]): HourFile {
  const writer = new ByteWriter()
  const schema = [{ name: 'root', num_children: columns.length }, ...columns.flatMap(elementsOf)]
  const kvMetadata = [{ key: 'aftersend.schema_version', value: String(schemaVersion) }]
  const file = new ParquetWriter({ writer, schema, kvMetadata, createdBy: 'aftersend' })
  return {
    async add(rows) {
      if (rows.length === 0) return
      const columnData = columns.map(({ name, type }) => ({ name, data: rows.map((row) => given(row[name], type)) }))
      await file.write({ columnData, rowGroupSize: rows.length })
    },
    async finish() {
      await file.finish()
      return writer.getBytes()
    },
  }
}

const given = (value: unknown, type: ColumnType): unknown =>
  value ?? (typeof type === 'string' && type !== 'texts' ? null : [])

function elementsOf({ name, type }: Column): SchemaElement[] {
  if (typeof type !== 'string') {
    const element: SchemaElement = { name: 'element', repetition_type: 'REQUIRED', num_children: type.length }
    return listOf(name, [element, ...type.flatMap(elementsOf)])
  }
  if (type === 'texts') return listOf(name, [{ name: 'element', repetition_type: 'REQUIRED', ...primitives.text }])
  return [{ name, repetition_type: 'OPTIONAL', ...primitives[type] }]
}

/** By "Lists" in LogicalTypes.md of apache/parquet-format. */
const listOf = (name: string, element: readonly SchemaElement[]): SchemaElement[] => [
  { name, repetition_type: 'REQUIRED', converted_type: 'LIST', num_children: 1 },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  ...element,
]
