/** SQL that marks hours of emails whose exported files are to be written again. */
import { Prisma } from './generated/client.ts'

/**
 * Marks hours, if there is a scheduled export.
 * @param hours a query with the column `hour`. In their order, so that two erasures do not deadlock. Index: export_hours_pkey.
 */
export const markForExport = (hours: Prisma.Sql): Prisma.Sql => Prisma.sql`
  INSERT INTO export_hours AS known (hour)
  SELECT DISTINCT hour FROM (${hours}) AS changed WHERE EXISTS (SELECT FROM export_state) ORDER BY hour
  ON CONFLICT (hour) DO UPDATE SET changes = known.changes + 1`

/** The hours in which the emails of a part of the statement were first stored. */
export const hoursOf = (emails: string): Prisma.Sql =>
  Prisma.raw(`SELECT date_trunc('hour', created_at, 'UTC') AS hour FROM ${emails}`)
