import { Command } from 'commander'
import { readOptions, simulateOptions } from '../../src/cli/commands/simulate-options.ts'
import type { SampleFormat } from '../../src/providers/sample.ts'
import type { SimulateOptions } from '../../src/simulator/options.ts'

/** Parses options as the command does. */
export function parseOptions(args: readonly string[], now: number): SimulateOptions {
  const command = simulateOptions(new Command('simulate'))
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  command.parse([...args], { from: 'user' })
  return readOptions(command.opts(), now)
}

/** Plans of tests use AISend's form, where it does not matter. */
export const aisendForm: Pick<SampleFormat, 'emailIdOf' | 'timeResolutionMs'> = {
  emailIdOf: (key) => `em_${key}`,
  timeResolutionMs: 1,
}
