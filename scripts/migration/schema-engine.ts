/**
 * Prisma's schema engine as WebAssembly. The `prisma migrate` command downloads the same engine as a native binary, which
 * a machine without internet cannot; this one comes with the packages.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { SchemaEngine } from '@prisma/schema-engine-wasm'
import { createMigrationAdapter, MigrationPool } from './migration-adapter.ts'

export const schemaPath = fileURLToPath(new URL('../../prisma/schema.prisma', import.meta.url))

/** No table is managed by anyone else. */
export const noFilters = { externalTables: [], externalEnums: [] }

/**
 * Works with an engine on one database, and lets go of its connections afterwards: the engine takes a lock that lasts as
 * long as they do.
 */
export async function withSchemaEngine<T>(databaseUrl: string, work: (engine: SchemaEngine) => Promise<T>): Promise<T> {
  const pool = new MigrationPool({ connectionString: databaseUrl })
  const { SchemaEngine } = await loadGlue()
  const schema = await readFile(schemaPath, 'utf8')
  const adapter = createMigrationAdapter(pool)
  const engine = await SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => {}, adapter)
  try {
    return await work(engine)
  } finally {
    engine.free()
    await pool.end()
  }
}

interface Glue {
  readonly SchemaEngine: {
    new: (
      options: { datamodels: [string, string][] },
      log: (line: string) => void,
      adapter: object,
    ) => Promise<SchemaEngine>
  }
  readonly __wbg_set_wasm: (exports: WebAssembly.Exports) => void
}

let glue: Promise<Glue> | undefined

/** The package's own entry imports the .wasm file as a module, which Node does not do: it is instantiated by hand. */
function loadGlue(): Promise<Glue> {
  glue ??= instantiate()
  return glue
}

async function instantiate(): Promise<Glue> {
  const gluePath = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  const glueUrl = pathToFileURL(gluePath).href
  const bindings = (await import(glueUrl)) as Glue & WebAssembly.ModuleImports
  const bytes = await readFile(new URL('schema_engine_bg.wasm', glueUrl))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': bindings })
  bindings.__wbg_set_wasm(instance.exports)
  const start = instance.exports['__wbindgen_start']
  if (typeof start === 'function') start()
  return bindings
}
