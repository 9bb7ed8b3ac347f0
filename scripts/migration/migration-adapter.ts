/** Prisma's adapter for pg, made fit for the schema engine: it reads PostgreSQL's catalog. */
import { PrismaPg } from '@prisma/adapter-pg'
import {
  bindMigrationAwareSqlAdapterFactory,
  type ColumnType,
  ColumnTypeEnum,
  type SqlQuery,
} from '@prisma/driver-adapter-utils'
import pg from 'pg'

/** PostgreSQL's one-byte `"char"` and its `uuid`: src/include/catalog/pg_type.dat. */
const oneByteChar = 18
const uuid = 2950

/**
 * The adapter knows no `"char"`, which the catalog is full of, and fails at the first one. So those columns pass through it
 * under the name of a type that the catalog's tables have none of, and get their own name back behind it.
 */
export function createMigrationAdapter(pool: MigrationPool) {
  const factory = new PrismaPg(pool)
  const connect = factory.connect.bind(factory)
  factory.connect = async () => {
    const adapter = await connect()
    const queryRaw = adapter.queryRaw.bind(adapter)
    adapter.queryRaw = async (query: SqlQuery) => {
      const answer = await queryRaw(query)
      return { ...answer, columnTypes: answer.columnTypes.map(ownName) }
    }
    return adapter
  }
  return bindMigrationAwareSqlAdapterFactory(factory)
}

const ownName = (type: ColumnType): ColumnType => (type === ColumnTypeEnum.Uuid ? ColumnTypeEnum.Character : type)

/** Give this one to {@link createMigrationAdapter}; end it when done. */
export class MigrationPool extends pg.Pool {
  // One signature stands for pg's eleven: the adapter uses the one that answers with a promise.
  override query = (async (...args: [pg.QueryConfig, unknown[]]) => {
    const result = await super.query(...args)
    for (const field of result.fields ?? []) if (field.dataTypeID === oneByteChar) field.dataTypeID = uuid
    return result
  }) as pg.Pool['query']
}
