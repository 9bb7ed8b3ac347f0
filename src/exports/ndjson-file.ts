/** JSON lines, compressed by gzip. Times are ISO 8601 texts. */
import { once } from 'node:events'
import { createGzip } from 'node:zlib'
import type { Column, Row } from './columns.ts'
import type { HourFile } from './hour-file.ts'

export function createNdjsonFile(columns: readonly Column[]): HourFile {
  const names = columns.map(({ name }) => name)
  const gzip = createGzip()
  const chunks: Buffer[] = []
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk))
  const lineOf = (row: Row) => `${JSON.stringify(Object.fromEntries(names.map((name) => [name, row[name] ?? null])))}\n`
  return {
    async add(rows) {
      if (!gzip.write(rows.map(lineOf).join(''))) await once(gzip, 'drain')
    },
    async finish() {
      const ended = once(gzip, 'end')
      gzip.end()
      await ended
      return Buffer.concat(chunks)
    },
  }
}
