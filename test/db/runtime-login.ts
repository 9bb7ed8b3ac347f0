import { randomBytes } from 'node:crypto'
import { runtimeRole } from '../../src/db/runtime-rights.ts'
import type { TestDatabase } from '../stack.ts'

/** The URL of a test's database for a new login that owns nothing, as API and worker have it. The login's name is its password too. */
export async function runtimeLogin({ db, url }: Pick<TestDatabase, 'db' | 'url'>): Promise<string> {
  const role = `runtime_${randomBytes(4).toString('hex')}`
  await db.pool.query(`CREATE ROLE ${role} LOGIN PASSWORD '${role}' IN ROLE ${runtimeRole}`)
  return Object.assign(new URL(url), { username: role, password: role }).href
}
