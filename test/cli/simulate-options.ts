import { Command } from 'commander'
import type { Dialect } from '../../src/cli/simulate/dialects/dialect.ts'
import { readOptions, type SimulateOptions, simulateOptions } from '../../src/cli/simulate/options.ts'

/** Options from words on a command line. @throws as the command does. */
export function parseOptions(args: readonly string[], now: number): SimulateOptions {
  const command = simulateOptions(new Command('simulate'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse([...args], { from: 'user' })
  return readOptions(command.opts(), now)
}

/** How the plans of tests name emails and tell time, where it does not matter: as AISend does. */
export const plainly: Pick<Dialect, 'emailIdOf' | 'grainMs'> = { emailIdOf: (key) => `em_${key}`, grainMs: 1 }
