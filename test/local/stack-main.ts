/** A system reduced to its embedded servers, in a process of its own that tests may kill: stack-main.ts DATA_DIR. */
import { readConfig } from '../../src/config.ts'
import { type LocalStack, startLocalStack } from '../../src/local/stack.ts'
import { searchAttributeNames } from '../../src/temporal/search-attributes.ts'

export type StackMessage =
  | { readonly said: string }
  | { readonly serving: Omit<LocalStack, 'stop'> }
  | { readonly failed: { readonly name: string; readonly message: string } }

const tell = (message: StackMessage): void => {
  process.send?.(message)
}

// Ctrl-C reaches the whole group of a terminal; the servers must not hear it.
process.on('SIGINT', () => tell({ said: 'interrupted' }))

try {
  const stack = await startLocalStack({
    dataDir: String(process.argv[2]),
    embedPostgres: true,
    embedTemporal: true,
    temporalCli: readConfig(process.env).temporal.cli,
    namespace: 'default',
    searchAttributes: searchAttributeNames,
    say: (said) => tell({ said }),
  })
  process.once('SIGTERM', async () => {
    await stack.stop()
    process.exit(0)
  })
  const { stop: _, ...serving } = stack
  tell({ serving })
} catch (error) {
  const { name, message } = error as Error
  tell({ failed: { name, message } })
  process.exitCode = 1
  process.disconnect()
}
