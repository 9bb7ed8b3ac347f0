/** The context of a command, and the options and exit codes that commands share. */
import { type Command, Option } from 'commander'
import ms from 'ms'
import { createClient } from '../client/index.ts'
import type { Environment } from './target.ts'
import { findApi } from './target.ts'

/** Documented in docs/command-line.md. */
export const exitCodes = {
  ok: 0,
  /** The command ran, and found something: a difference, a suppressed address, an unknown email. */
  problemFound: 1,
  /** The command could not run: wrong arguments or configuration, a refused key, no answer. */
  failed: 2,
} as const

export interface CommandContext {
  readonly env: Environment
  /** Prints the result to standard output. */
  readonly print: (text: string) => void
  /** Standard output, for an exported file. */
  readonly output: NodeJS.WritableStream
  /** Standard error, for progress and notes. */
  readonly progress: NodeJS.WriteStream
  readonly stdin: NodeJS.ReadableStream
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** Sets the exit code; the last call counts. */
  readonly endWith: (code: number) => void
}

/** The arguments of the command are wrong. The message says what to write instead. */
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
  new Option('--url <url>', 'URL of Aftersend (default: from PORT, or the system running in DATA_DIR)')
export const keyOption = () =>
  new Option('--api-key, --key <key>', 'API key (default: from API_KEYS, or the generated one in DATA_DIR)')
const jsonOption = () => new Option('--json', 'print JSON')

export const withJson = (command: Command): Command => command.addOption(jsonOption())

/** For commands that use the API. */
export const withApi = (command: Command): Command =>
  command.addOption(urlOption()).addOption(keyOption()).addOption(jsonOption())

/** Prints `value` as one line of JSON, or as text. */
export function printResult(context: CommandContext, { json }: JsonOption, value: unknown, text: () => string): void {
  context.print(json ? JSON.stringify(value) : text())
}

/** The time that `--since` or `--until` names. @throws UsageError unless it is a duration or a time. */
export function timeOf(since: string, now: number): string {
  const at = /^\d+(\.\d+)?(s|m|h|d)$/.test(since) ? now - ms(since as ms.StringValue) : Date.parse(since)
  if (Number.isNaN(at)) throw new UsageError('--since must be a duration such as 30d, or a time such as 2030-01-31')
  return new Date(at).toISOString()
}

/** The lines of a table whose columns are as wide as their widest cell. */
export function tableOf(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)), [])
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

/** Shorter than the client's default, since a person waits. */
const timeoutMs = 10_000

export async function clientFor(options: ApiOptions, { env }: CommandContext) {
  const { apiUrl, apiKey } = await findApi(options, env)
  return createClient({ url: apiUrl, apiKey, timeoutMs })
}
