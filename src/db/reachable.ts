/** Whether PostgreSQL is there. */
import type { Database } from './database.ts'

/** Resolves if PostgreSQL answers, and rejects if it does not; reads no table. */
export const askDatabase = (db: Database): Promise<unknown> => db.$queryRaw`SELECT 1`
