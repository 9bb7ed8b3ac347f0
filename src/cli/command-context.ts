/** What a command works with, and what all commands have in common. */
import { type Command, Option } from 'commander'
import { createClient } from '../client/index.ts'
import type { Environment } from './target.ts'
import { findApi } from './target.ts'

/** How a command may end. Documented in docs/command-line.md. */
export const exitCodes = {
  /** It was done, and what was asked about is well. */
  well: 0,
  /** It was done, and something is not as it should be: a difference, a suppressed address, an email nobody knows. */
  notWell: 1,
  /** It could not be done: the command line, the configuration, or nobody who answers. */
  notDone: 2,
} as const

export interface CommandContext {
  readonly env: Environment
  /** The result, for people or programs. */
  readonly print: (text: string) => void
  /** Where files are written to that nobody named: standard output. */
  readonly output: NodeJS.WritableStream
  /** Progress, and what is no result: standard error. */
  readonly progress: NodeJS.WriteStream
  readonly stdin: NodeJS.ReadableStream
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** How the command ends, unless it fails; the last word counts. */
  readonly endWith: (code: number) => void
}

/** The command line cannot be carried out as it was written. The message is for the person who typed it. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export interface JsonOption {
  readonly json?: boolean
}

export interface ApiOptions extends JsonOption {
  readonly url?: string
  readonly key?: string
}

export const urlOption = () =>
  new Option('--url <url>', 'where Aftersend listens (default: the one running in DATA_DIR, or PORT)')
export const keyOption = () =>
  new Option('--api-key, --key <key>', 'the key for /v1 (default: API_KEYS, else the one in DATA_DIR)')
const jsonOption = () => new Option('--json', 'JSON instead of words')

export const withJson = (command: Command): Command => command.addOption(jsonOption())

/** For commands that ask the API. */
export const withApi = (command: Command): Command =>
  command.addOption(urlOption()).addOption(keyOption()).addOption(jsonOption())

/** One JSON document on a line, or words. */
export function tell(context: CommandContext, { json }: JsonOption, value: unknown, words: () => string): void {
  context.print(json ? JSON.stringify(value) : words())
}

/** A person waits: better an early word than a patient one. */
const timeoutMs = 10_000

export async function clientFor(options: ApiOptions, { env }: CommandContext) {
  const { apiUrl, apiKey } = await findApi(options, env)
  return createClient({ url: apiUrl, apiKey, timeoutMs })
}
