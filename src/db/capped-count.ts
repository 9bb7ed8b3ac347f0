/** Counts rows up to a limit: monitoring must stay fast, however many rows there are. */
import { Prisma } from './generated/client.ts'

/** Rows beyond this number are not counted. Pages show "100,000 or more"; in `/metrics` it is a lower bound. */
export const countCap = 100_000

/**
 * The number of rows as an expression. Reads at most {@link countCap} rows.
 * @param rows `FROM …` with an ORDER BY that an index serves, so that no statistics lead to a sequential scan.
 */
export const cappedCount = (rows: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`(SELECT count(*)::int FROM (SELECT 1 ${rows} LIMIT ${countCap}) AS counted)`
