/** The role that confines connections to one project: the migrations create it where they may. */
import { ConfigurationError } from '../errors.ts'
import { type Database, isUnavailable } from './database.ts'

/**
 * @param confined to any project.
 * @throws ConfigurationError if the database has no such role, or the role of DATABASE_URL is no member of it.
 */
export async function requireProjectRole(confined: Database): Promise<void> {
  try {
    await confined.$queryRaw`SELECT FROM emails LIMIT 1`
  } catch (error) {
    if (isUnavailable(error)) throw error
    throw new ConfigurationError(
      'PROJECTS needs the role aftersend_project in the database, with the role of DATABASE_URL as its member: docs/projects.md says how ' +
        'to create it',
      { cause: error },
    )
  }
}
