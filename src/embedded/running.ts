/** Where a running system is reachable, for the command line on the same machine. */
import { join } from 'node:path'
import { z } from 'zod'
import { readDataFile, removeDataFile, writeDataFile } from './data-file.ts'

const schema = z.object({
  /** Null for a system without API. */
  apiUrl: z.string().nullable(),
  databaseUrl: z.string(),
  temporalAddress: z.string(),
  webUiUrl: z.string().nullable(),
  pid: z.number().int(),
})

export type Running = z.infer<typeof schema>

const pathIn = (dataDir: string): string => join(dataDir, 'running.json')

/** @returns null while no system runs. The file of a killed system is still returned. @throws ConfigurationError if it is damaged. */
export const readRunning = (dataDir: string): Promise<Running | null> => readDataFile(pathIn(dataDir), schema)

export const writeRunning = (dataDir: string, running: Running): Promise<void> =>
  writeDataFile(pathIn(dataDir), running)

export const clearRunning = (dataDir: string): Promise<void> => removeDataFile(pathIn(dataDir))
