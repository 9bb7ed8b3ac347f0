/** The embedded servers without a system, in a process that tests can kill: stack-main.ts DATA_DIR. */
import { readConfig } from '../../src/config.ts'
import { type EmbeddedStack, startEmbeddedStack } from '../../src/embedded/stack.ts'
import { searchAttributeNames } from '../../src/temporal/search-attributes.ts'

export type StackMessage =
  | { readonly reported: string }
  | { readonly serving: Omit<EmbeddedStack, 'stop'> }
  | { readonly failed: { readonly name: string; readonly message: string } }

const send = (message: StackMessage): void => {
  process.send?.(message)
}

// Ctrl-C in a terminal reaches the whole process group; it must not reach the servers.
process.on('SIGINT', () => send({ reported: 'interrupted' }))

try {
  const stack = await startEmbeddedStack({
    dataDir: String(process.argv[2]),
    embedPostgres: true,
    embedTemporal: true,
    temporalCli: readConfig(process.env).temporal.cli,
    namespace: 'default',
    searchAttributes: searchAttributeNames,
    report: (reported) => send({ reported }),
  })
  process.once('SIGTERM', async () => {
    await stack.stop()
    process.exit(0)
  })
  const { stop: _, ...serving } = stack
  send({ serving })
} catch (error) {
  const { name, message } = error as Error
  send({ failed: { name, message } })
  process.exitCode = 1
  process.disconnect()
}
